import { address } from './action'
import { get } from './client'
import type { Schemas } from './core'

export type Analysis = Schemas['Analysis']

interface Bounds {
  low: number | null
  high: number | null
}
/** One look at one service: evidence and effect so far. */
export interface Look {
  t: number
  log10_evidence: number
  /** Error ratio, new over old; null while the old version has no errors. */
  ratio: number | null
  low: number | null
  high: number | null
  new_rate: number | null
  old_rate: number | null
  requests_new: number | null
  requests_old: number | null
  excess_bad_requests: number
}
/** What the judge says after its last look. */
export interface Assessment {
  t: number
  horizon: number
  log10_wealth: number
  threshold: number
  evidence: { indicator: string; weight: number; log10: number; contribution: number; acting: boolean }[]
  pass: { indicator: string; best: number; threshold: number; reached: boolean; final_only: boolean }[]
  culprits: string[]
  effect: { canary_rate: number | null; baseline_rate: number | null; ratio: number | null; bounds: Bounds }
  quantiles: { quantile: number; cumulative: number | null; bounds: Bounds | null }[]
  excess_bad_requests: number
  forecast: {
    intervals_to_double: number | null
    intervals_to_fivefold: number | null
    detectable_ratio: number | null
  }
  usable: number
  n_canary: number
  n_baseline: number
  errors_canary: number
  errors_baseline: number
}
export interface ServiceCourse {
  service: string
  config: {
    errors: { tolerance: number; harm_ratio: number; harm_difference: number }
    latency: { tolerance: number; harm_p50: number; harm_p90: number; harm_p99: number }
  }
  points: Look[]
  latest: Assessment | null
}
/** The judge's own record, which the API hands on as it is. */
export interface Course extends Omit<Schemas['Course'], 'course'> {
  course?: { started: string; interval_s: number; horizon: number; services: ServiceCourse[] } | null
}

export const readAnalysis = (id: string) => get<Analysis>(address('analyses', id))
export const readCourse = (id: string) => get<Course>(`${address('analyses', id)}/course`)
