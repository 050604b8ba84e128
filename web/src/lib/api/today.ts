import { get } from './client'
import type { Action, Blocker, Ref, Severity, Span, Status } from './core'

export interface Subject extends Ref {
  kind: 'release' | 'deployment' | 'change' | 'review' | 'environment' | 'service'
}
export interface NeedsMe {
  id: string
  title: string
  why: string
  subject: Subject
  due_at: string | null
  severity: Severity
  waiting: string[]
  actions: Action[]
}
export interface Shipping {
  release: Ref
  services: string[]
  environment: Ref
  window: Span
  status: Status
  sentence: string
}
export interface Trouble {
  id: string
  subject: Subject
  status: Status
  sentence: string
  since: string
  deadline_at: string | null
  blockers: Blocker[]
}
export interface Today {
  day: Span
  timezone: string
  needs_me: NeedsMe[]
  ships_today: Shipping[]
  in_trouble: Trouble[]
  freezes: (Span & { id: string; title: string; source: string; environments: Ref[] })[]
  next: Shipping[]
}
export const readToday = () => get<Today>('/today')
