import { get, postForFile, query } from './client'
import type { Page, Schemas } from './core'

export type EntryRow = Schemas['EntryRow']
export type Entry = Schemas['Entry']
export type Proof = Schemas['Proof']
export interface EntryFilter {
  q?: string
  kind?: string
  /** `<kind>:<id or name>` */
  subject?: string
  actor?: string
  cursor?: string
}
export const readEntries = (filter: EntryFilter) => get<Page<EntryRow>>(`/ledger/entries${query({ ...filter })}`)
export const readEntry = (position: number) => get<Entry>(`/ledger/entries/${position}`)
export type Witnesses = Schemas['Witnesses']
export type TakeEvidence = Schemas['TakeEvidence']
export const readWitnesses = () => get<Witnesses>('/ledger/witnesses')
export const takeEvidence = (what: Partial<TakeEvidence>) => postForFile('/evidence', what)
export const readHead = () => get<Schemas['Head']>('/ledger')
