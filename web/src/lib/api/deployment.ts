import { get, query } from './client'
import type { Action, Ref, Status, Verdict } from './core'

export interface Step {
  id: string
  name: string
  kind: string
  status: Status
  attempt: number
  started_at: string | null
  ended_at: string | null
  summary: string
  output: { lines: number; bytes: number; digest: string | null } | null
}
export interface WaveTarget {
  id: string
  name: string
  status: Status
  from_version: string
  to_version: string
  /** Share of user traffic, 0 to 1. */
  traffic: number
  steps: Step[]
}
export interface Wave {
  index: number
  name: string
  status: Status
  traffic: string
  bake_until: string | null
  targets: WaveTarget[]
}
export interface Deployment extends Ref {
  release: Ref
  environment: Ref
  status: Status
  sentence: string
  started_at: string
  ended_at: string | null
  expected_end_at: string | null
  parallelism: number
  canary: Ref | null
  waves: Wave[]
  actions: Action[]
}
export interface OutputLine {
  at: string
  stream: 'out' | 'err' | 'info'
  text: string
}
export interface Output {
  lines: OutputLine[]
  next: number
  complete: boolean
}
export const readDeployment = (id: string) => get<Deployment>(`/deployments/${encodeURIComponent(id)}`)
export const readOutput = (deployment: string, step: string, from: number) =>
  get<Output>(
    `/deployments/${encodeURIComponent(deployment)}/steps/${encodeURIComponent(step)}/output${query({ from })}`,
  )

export interface Look {
  at: string
  canary_requests: number
  /** Ratio of bad-request rates, canary over baseline, and its confidence sequence. */
  effect: number
  low: number
  high: number
  /** log10 of the evidence against "no worse than tolerance"; 2 stops the canary. */
  log10_wealth: number
}
export interface Indicator {
  id: string
  label: string
  weight: number
  log10_wealth: number
  effect: number
  low: number
  high: number
  verdict: Verdict | 'watching'
  detail: string
}
export interface Canary {
  id: string
  deployment: Ref
  status: Status
  verdict: Verdict | 'watching'
  sentence: string
  started_at: string
  horizon_at: string
  ended_at: string | null
  interval_seconds: number
  traffic: number
  tolerance: number
  harm: number
  arms: { baseline: Arm; canary: Arm }
  looks: Look[]
  indicators: Indicator[]
  excess_bad: { value: number; low: number; high: number }
  forecast: { factor: number; minutes: number | null }[]
}
export interface Arm {
  version: string
  requests: number
  bad: number
  instances: number
}
export const readCanary = (id: string) => get<Canary>(`/canaries/${encodeURIComponent(id)}`)
