import { get, query } from './client'
import type { Schemas } from './core'

export type Review = Schemas['Review']
export type Dora = Schemas['Dora']
export type Figure = Schemas['Figure']
export type Observation = Schemas['Observation']
export interface MetricsFilter {
  from: string
  to: string
  service?: string
}
export const readDora = (filter: MetricsFilter) => get<Schemas['Dora']>(`/metrics/dora${query({ ...filter })}`)
