/** Between instants (UTC) and the local text of a `datetime-local` field. */

export function toInstant(local: string): string | null {
  if (!local) return null
  const date = new Date(local)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

export function toLocal(instant: string): string {
  const date = new Date(instant)
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 16)
}

export const addMinutes = (instant: string, minutes: number) =>
  instant ? new Date(new Date(instant).getTime() + minutes * 60_000).toISOString() : ''
