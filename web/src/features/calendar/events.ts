import type { CalendarEntry } from '~/lib/api/calendar'

export interface CalendarEvent {
  id: string
  title: string
  start: string
  end: string
  display?: 'background' | 'block'
  allDay?: boolean
  className?: string
}

const word: Record<CalendarEntry['kind'], string> = {
  freeze: 'Freeze',
  lockdown: 'Lockdown',
  maintenance: 'Maintenance',
  release: 'Release',
  claim: 'Claim',
}

const wholeDays = (entry: CalendarEntry) =>
  new Date(entry.end).getTime() - new Date(entry.start).getTime() >= 20 * 3_600_000

/** Freezes and maintenance become shaded bands and a named line; releases and claims become events. */
export function toEvents(entries: CalendarEntry[]): CalendarEvent[] {
  return entries.flatMap((entry): CalendarEvent[] => {
    const where = entry.environments.map(e => e.name).join(', ')
    const titled = {
      id: entry.id,
      title: `${word[entry.kind]}: ${entry.title}${where ? ` · ${where}` : ''}`,
      start: entry.start,
      end: entry.end,
      className: `cal cal-${entry.kind} sev-${entry.status?.severity ?? 'neutral'}`,
    }
    if (entry.kind === 'release') return [{ ...titled, title: entry.title, display: 'block' }]
    if (entry.kind === 'claim') return [{ ...titled, display: 'block' }]
    const days = wholeDays(entry)
    const band: CalendarEvent = {
      ...titled,
      id: `${entry.id}:band`,
      title: '',
      display: 'background',
      className: `cal-band cal-band-${entry.kind}`,
    }
    return [
      band,
      ...(days ? [{ ...band, id: `${entry.id}:band`, allDay: true }] : []),
      { ...titled, allDay: days, display: 'block' },
    ]
  })
}
