import { get, query } from './client'
import type { Page, Schemas } from './core'

export type ArtifactRow = Schemas['ArtifactRow']
export type Quarantine = Schemas['Quarantine']
export type Commit = Schemas['Commit']

export const readArtifacts = (service?: string) => get<Page<ArtifactRow>>(`/artifacts${query({ service, limit: 200 })}`)
export const readQuarantines = () => get<Page<Quarantine>>('/quarantines?limit=200')
