/** What every object of the API shares. Types are the generated ones; this file only gives them short names. */
import type { components } from '~/gen/api'

export type Schemas = components['schemas']
export type Severity = Schemas['Severity']
/** A status as the server words it; the page never derives one. */
export type Status = Schemas['Status']
/** Three outcomes everywhere; only `pass` opens a gate. */
export type Verdict = Schemas['Verdict']
/** One reason why something may not happen, and what would clear it. */
export type Blocker = Schemas['Blocker']
/** What may be done to an object, by a dry run of the same decision that would carry it out. */
export type Action = Schemas['Action']
export type Ref = Schemas['Ref']
export type Subject = Schemas['Subject']
export type Span = Schemas['Span']
/** What a command did; the object itself is to be read again. */
export type Receipt = Schemas['Receipt']

export interface Page<T> {
  items: T[]
  next?: string | null
}
