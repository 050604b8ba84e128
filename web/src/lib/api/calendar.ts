import { get, post, query } from './client'
import type { Schemas } from './core'

export type CalendarEntry = Schemas['CalendarEntry']
export type CheckRequest = Schemas['CheckRequest']
export type CheckAnswer = Schemas['CheckAnswer']
export type WindowKind = Schemas['WindowKind']
export type ImportRequest = Schemas['ImportRequest']
export type Imported = Schemas['Imported']

export const readCalendar = (from: string, to: string, environment?: string) =>
  get<Schemas['CalendarEntries']>(`/calendar${query({ from, to, environment })}`)
/** May one ship then? A question: it changes nothing. */
export const checkCalendar = (body: CheckRequest) => post<CheckAnswer>('/calendar/check', body)
/** Takes over an iCalendar file, or, with `dry_run`, only says what it would change. */
export const importCalendar = (calendar: string, body: ImportRequest) =>
  post<Imported>(`/calendars/${encodeURIComponent(calendar)}/import`, body)
