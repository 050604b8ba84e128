import { get, post, query } from './client'
import type { Page, Ref, Status } from './core'

export interface Person extends Ref {
  email: string
  roles: string[]
  groups: string[]
  status: Status
  last_seen_at: string | null
  delegates_to: Ref | null
}
export interface Token {
  id: string
  name: string
  owner: Ref
  scopes: string[]
  created_at: string
  expires_at: string
  last_used_at: string | null
  status: Status
}
export interface Policy {
  id: string
  pack: string
  title: string
  effect: 'permit' | 'forbid'
  text: string
  digest: string
  /** How often it decided something, and how often it stood in the way. */
  evaluations: number
  refusals: number
}
export const readPeople = () => get<Page<Person>>('/people')
export const readTokens = () => get<Page<Token>>('/tokens')
export const readPolicies = () => get<Page<Policy> & { set_digest: string }>('/policies')
export const makeToken = (body: { name: string; scopes: string[]; days: number }) =>
  post<Token & { secret: string }>('/tokens', body)
export const revokeToken = (id: string) => post<void>(`/tokens/${encodeURIComponent(id)}`, {}, undefined, 'DELETE')

export interface Hit {
  kind: 'release' | 'deployment' | 'service' | 'environment' | 'entry' | 'person' | 'artefact' | 'commit'
  id: string
  title: string
  detail: string
}
export const search = (q: string, signal?: AbortSignal) => get<Page<Hit>>(`/search${query({ q })}`, signal)
