import { get } from './client'
import type { Action, Page, Ref, Span, Status } from './core'

export interface EnvironmentRow extends Ref {
  tier: string
  production_like: boolean
  targets: number
  status: Status
  freeze: (Span & { title: string; source: string }) | null
}
export interface Cell {
  service: string
  environment: string
  version: string
  digest: string
  since: string
  release: Ref | null
  status: Status
  mixed: string[]
}
export interface Matrix {
  environments: EnvironmentRow[]
  services: (Ref & { owner: string })[]
  cells: Cell[]
}
export interface Claim extends Span {
  id: string
  kind: 'exclusive' | 'shared'
  holder: Ref
  subject: Ref | null
  reason: string
  status: Status
}
export interface Environment extends EnvironmentRow {
  description: string
  timezone: string
  deployers: Ref[]
  target_list: {
    id: string
    name: string
    address: string
    labels: Record<string, string>
    service: Ref
    version: string
    status: Status
  }[]
  claims: Claim[]
  actions: Action[]
}
export const readMatrix = () => get<Matrix>('/environments/matrix')
export const readEnvironments = () => get<Page<EnvironmentRow>>('/environments')
export const readEnvironment = (id: string) => get<Environment>(`/environments/${encodeURIComponent(id)}`)
