import { address } from './action'
import { get, post, query } from './client'
import type { Page, Receipt, Schemas } from './core'

export type CalendarEntry = Schemas['CalendarEntry']
export type CheckRequest = Schemas['CheckRequest']
export type CheckAnswer = Schemas['CheckAnswer']
export type WindowKind = Schemas['WindowKind']
export type ImportRequest = Schemas['ImportRequest']
export type Imported = Schemas['Imported']
export type Calendar = Schemas['Calendar']
export type Feed = Schemas['Feed']
export type FeedRequest = Schemas['FeedRequest']
export type Exception = Schemas['Exception']
export type AskException = Schemas['AskException']

export const readCalendars = () => get<Page<Calendar>>('/calendars?limit=200')
export const readExceptions = () => get<Page<Exception>>('/exceptions?limit=200')
export const askException = (body: AskException, key: string) => post<Receipt>('/exceptions', body, key)
/** Fills a calendar from an address, now and again and again. */
export const subscribe = (calendar: string, body: FeedRequest, key: string) =>
  post<Receipt>(`${address('calendars', calendar)}/subscribe`, body, key)
/** Reads a feed now; what it has changed is in the answer. */
export const refreshFeed = (calendar: string) => post<Feed>(`${address('calendars', calendar)}/refresh`, {})

export const readCalendar = (from: string, to: string, environment?: string) =>
  get<Schemas['CalendarEntries']>(`/calendar${query({ from, to, environment })}`)
/** May one ship then? A question: it changes nothing. */
export const checkCalendar = (body: CheckRequest) => post<CheckAnswer>('/calendar/check', body)
/** Takes over an iCalendar file, or, with `dry_run`, only says what it would change. */
export const importCalendar = (calendar: string, body: ImportRequest) =>
  post<Imported>(`/calendars/${encodeURIComponent(calendar)}/import`, body)
