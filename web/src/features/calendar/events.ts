import type { CalendarEntry } from '~/lib/api/calendar'
import { severityColor } from '~/lib/labels'

export interface CalendarEvent {
  id: string
  title: string
  start: string
  end: string
  display?: 'background' | 'block'
  allDay?: boolean
  className?: string
  color?: string
}

const word: Record<string, string> = {
  freeze: 'Freeze',
  holiday: 'Holiday',
  fiscal_close: 'Fiscal close',
  contract_renewal: 'Contract renewal',
  lockdown: 'Lockdown',
  maintenance: 'Maintenance',
  release: 'Release',
  claim: 'Claim',
}

/** Kinds of window, as people choose them. */
export const kinds = ['freeze', 'holiday', 'fiscal_close', 'contract_renewal', 'maintenance'].map(value => ({
  value,
  label: word[value] ?? value,
}))

const colors: Record<string, string> = {
  freeze: 'blue',
  holiday: 'cyan',
  fiscal_close: 'violet',
  contract_renewal: 'pink',
  lockdown: 'red',
  maintenance: 'teal',
  release: 'indigo',
  claim: 'grape',
}
const mantine = (name: string) => `var(--mantine-color-${name}-6)`

/** What nobody has lifted reaches as far as anybody looks. */
const endOf = (entry: CalendarEntry) => entry.end ?? new Date(Date.parse(entry.start) + 400 * 86_400_000).toISOString()

const wholeDays = (entry: CalendarEntry) =>
  new Date(endOf(entry)).getTime() - new Date(entry.start).getTime() >= 20 * 3_600_000

/** Freezes and maintenance become shaded bands and a named line; releases and claims become events. */
export function toEvents(entries: CalendarEntry[]): CalendarEvent[] {
  return entries.flatMap((entry): CalendarEvent[] => {
    const where = entry.environments.map(e => e.name).join(', ')
    const titled = {
      id: entry.id,
      title: `${word[entry.kind] ?? entry.kind}: ${entry.title}${where ? ` · ${where}` : ''}`,
      start: entry.start,
      end: endOf(entry),
      className: `cal cal-${entry.kind}`,
      color: mantine(
        entry.kind === 'release' && entry.status
          ? severityColor[entry.status.severity]
          : (colors[entry.kind] ?? 'gray'),
      ),
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
