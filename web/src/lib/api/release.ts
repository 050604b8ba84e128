import { get, post, query } from './client'
import type { Action, Blocker, Page, Ref, Span, Status, Verdict } from './core'

export interface ReleaseRow extends Ref {
  title: string
  status: Status
  sentence: string
  model: string
  environment: Ref
  services: string[]
  owner: Ref
  window: Span | null
  updated_at: string
}
export interface Commit {
  sha: string
  subject: string
  author: string
  authored_at: string
  change: Ref | null
}
export interface Artefact {
  id: string
  service: Ref
  version: string
  digest: string
  bytes: number
  signature: { verdict: Verdict; signer: string; detail: string }
  quarantined: boolean
  from_version: string | null
}
export interface ChangeRow extends Ref {
  title: string
  class: string
  impact: string
  authors: string[]
}
export interface Gate {
  id: string
  name: string
  description: string
  verdict: Verdict
  reasons: string[]
  blockers: Blocker[]
  evidence: { name: string; digest: string; attached_at: string }[]
  decided_at: string | null
  policy_digest: string
  facts_digest: string
  position: number | null
  due_at: string | null
}
export interface Approval {
  id: string
  person: Ref | null
  role: string
  decision: 'approved' | 'approved with condition' | 'rejected' | 'waiting'
  reason: string
  condition: string | null
  condition_status: Status | null
  at: string | null
  position: number | null
}
export interface Criterion {
  id: string
  name: string
  verdict: Verdict
  detail: string
  checked_at: string | null
}
export interface Rollback {
  feasible: Verdict
  sentence: string
  triggers: {
    id: string
    name: string
    condition: string
    automatic: boolean
    owner: Ref
    deputy: Ref
    fired_at: string | null
  }[]
  criteria: Criterion[]
  status: Status | null
  started_at: string | null
  ended_at: string | null
}
export interface Watch {
  status: Status
  started_at: string
  ends_at: string
  on_call: Ref
  queries: {
    id: string
    name: string
    expression: string
    unit: string
    threshold: number
    current: number | null
    verdict: Verdict
    points: [string, number][]
  }[]
}
export interface Review {
  id: string
  status: Status
  opened_at: string
  due_at: string
  owner: Ref
  why: string
  summary: string
  causes: string[]
  follow_ups: { id: string; title: string; owner: Ref; done: boolean }[]
  blocks: Ref[]
  actions: Action[]
}
export interface Release extends ReleaseRow {
  created_at: string
  /** Stages of the life in order; the server says which were reached and when. */
  life: { value: string; label: string; at: string | null; current: boolean; severity: Status['severity'] }[]
  scope: {
    repository: string
    from: string
    to: string
    commits: Commit[]
    changes: ChangeRow[]
    artefacts: Artefact[]
  }
  plan: {
    model: string
    timezone: string
    waves: { name: string; targets: number; traffic: string; bake_minutes: number }[]
  }
  gates: Gate[]
  approvals: Approval[]
  approvals_needed: string
  permit: { id: string; status: Status; issued_at: string; expires_at: string; bound_to: string[] } | null
  deployment: Ref | null
  canary: Ref | null
  watch: Watch | null
  rollback: Rollback
  review: Review | null
  actions: Action[]
}
export interface LedgerLine {
  position: number
  at: string
  kind: string
  actor: Ref
  summary: string
  severity: Status['severity']
}
export interface PlanBody {
  name: string
  title: string
  services: string[]
  environment: string
  model: string
  from: string
  to: string
  window: Span
}

export const readReleases = (filter: { state?: string; q?: string; environment?: string; cursor?: string }) =>
  get<Page<ReleaseRow>>(`/releases${query(filter)}`)
export const readRelease = (id: string) => get<Release>(`/releases/${encodeURIComponent(id)}`)
export const readTimeline = (id: string) => get<Page<LedgerLine>>(`/releases/${encodeURIComponent(id)}/timeline`)
export const planRelease = (body: PlanBody, key: string) => post<Release>('/releases', body, key)
