/** Words for instants and lengths of time. Instants come as RFC 3339 in UTC; pages show the reader's zone and name it. */

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** "in 3 hours", "2 days ago"; below 45 seconds "now". */
export function ago(at: string | number | Date, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const size = Math.abs(seconds)
  if (size < 45) return 'now'
  for (const [unit, length] of steps)
    if (size >= length * (unit === 'minute' ? 0.75 : 1)) return relative.format(Math.round(seconds / length), unit)
  return 'now'
}

/** "1 h 05 min", "42 s", "3 d 4 h". Negative lengths count as nothing. */
export function lasting(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 && minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

const exactFormat = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayFormat = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })

export const exact = (at: string) => exactFormat.format(new Date(at))
export const clock = (at: string | Date) => clockFormat.format(new Date(at))
export const day = (at: string | Date) => dayFormat.format(new Date(at))
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone

/** "Tue 24 Nov 20:00–22:00", both days named when they differ. */
export function spanned(start: string, end: string): string {
  return day(start) === day(end)
    ? `${day(start)} ${clock(start)}–${clock(end)}`
    : `${day(start)} ${clock(start)} – ${day(end)} ${clock(end)}`
}

/** The same for what may have no end yet. */
export const during = (it: { start: string; end?: string | null }) =>
  it.end ? spanned(it.start, it.end) : `since ${day(it.start)} ${clock(it.start)}`

/** Part of a span, clamped to 0..1, at which an instant lies. */
export function position(at: string | number | Date, start: string, end: string): number {
  const from = new Date(start).getTime()
  const to = new Date(end).getTime()
  return to <= from ? 0 : Math.min(1, Math.max(0, (new Date(at).getTime() - from) / (to - from)))
}
