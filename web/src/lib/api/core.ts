/** What every object of the API shares: statuses, verdicts, blockers, actions, pages. */

export type Severity = 'neutral' | 'info' | 'good' | 'warning' | 'bad'

/** A status as the server words it; the page never derives one. */
export interface Status {
  value: string
  label: string
  severity: Severity
  is_terminal: boolean
}

/** Three outcomes everywhere; only `pass` opens a gate. */
export type Verdict = 'pass' | 'fail' | 'inconclusive'

/** One reason why something may not happen, and what would clear it. */
export interface Blocker {
  code: string
  message: string
  clears: string
  who: string[]
  by?: string | null
}

/** What may be done to an object, by a dry run of the same decision that would carry it out. */
export interface Action {
  name: string
  label: string
  allowed: boolean
  reasons: Blocker[]
  /** What happens if done now, in one sentence. */
  effect?: string
}

export interface Ref {
  id: string
  name: string
}

export interface Page<T> {
  items: T[]
  next: string | null
}

export interface Span {
  start: string
  end: string
}
