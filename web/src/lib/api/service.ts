import { get } from './client'
import type { Page, Ref, Severity, Status } from './core'

export interface ServiceRow extends Ref {
  description: string
  owner: string
  criticality: { value: string; label: string; severity: Severity }
  users: number
  revenue: string
  data_classes: string[]
  third_party: boolean
  depends_on: string[]
  production_version: string | null
}
export interface ServiceList extends Page<ServiceRow> {
  /** Each cycle as the ids along it. Allowed, and shown. */
  cycles: string[][]
}
export interface Service extends ServiceRow {
  repository: string
  versions: { environment: Ref; version: string; since: string; status: Status }[]
  dependents: Ref[]
  dependencies: Ref[]
  releases: { id: string; name: string; status: Status; at: string }[]
}
export const readServices = () => get<ServiceList>('/services')
export const readService = (id: string) => get<Service>(`/services/${encodeURIComponent(id)}`)
