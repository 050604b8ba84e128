import { get, query } from './client'
import type { Blocker, Ref, Span, Status } from './core'

export interface CalendarEntry extends Span {
  id: string
  kind: 'freeze' | 'lockdown' | 'maintenance' | 'release' | 'claim'
  title: string
  environments: Ref[]
  /** Who or what put it there: a manifest, a person, an imported calendar. */
  source: string
  reason: string
  recurrence: string | null
  timezone: string
  status: Status | null
  subject: Ref | null
}
export interface Slot extends Span {
  note: string
}
export interface Slots {
  allowed: boolean
  reasons: Blocker[]
  slots: Slot[]
}
export const readCalendar = (from: string, to: string, environment?: string) =>
  get<{ entries: CalendarEntry[] }>(`/calendar${query({ from, to, environment })}`)
export const readSlots = (environment: string, minutes: number, start?: string) =>
  get<Slots>(`/calendar/slots${query({ environment, minutes, start })}`)
