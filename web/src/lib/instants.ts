/** Between instants (UTC) and the local text of a `datetime-local` field. */

export function toInstant(local: string): string | null {
  if (!local) return null
  const date = new Date(local)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** To the second: a slot begins where it begins, not at the minute before. */
export function toLocal(instant: string): string {
  const date = new Date(instant)
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString()
  return shifted.slice(0, date.getUTCSeconds() === 0 ? 16 : 19)
}

export const later = (instant: string, seconds: number) =>
  new Date(new Date(instant).getTime() + seconds * 1000).toISOString()

/** Rounded up to a whole second: what is free from there on is free. */
export const ceilSecond = (instant: string) =>
  new Date(Math.ceil(new Date(instant).getTime() / 1000) * 1000).toISOString()
