import { get, query } from './client'
import type { Page, Ref, Severity } from './core'

export type FigureKey = 'deployment_frequency' | 'lead_time' | 'change_failure_rate' | 'time_to_recover'
export interface Figure {
  key: FigureKey
  label: string
  display: string
  low: string
  high: string
  /** How many observations stand behind it; none means there is nothing to say yet. */
  sample: number
  definition: string
  trend: { label: string; severity: Severity } | null
  points: { at: string; value: number | null; low: number | null; high: number | null }[]
  unit: string
}
export interface Dora {
  from: string
  to: string
  confidence: number
  figures: Figure[]
}
export interface Observation {
  position: number
  at: string
  release: Ref
  environment: Ref
  counted: string
  value: string
  severity: Severity
}
export interface MetricsFilter {
  from: string
  to: string
  service?: string
}
export const readDora = (filter: MetricsFilter) => get<Dora>(`/metrics/dora${query({ ...filter })}`)
export const readObservations = (key: FigureKey, filter: MetricsFilter) =>
  get<Page<Observation>>(`/metrics/dora/${key}${query({ ...filter })}`)
