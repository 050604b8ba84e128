import { get, query } from './client'
import type { Page, Ref, Severity } from './core'

export interface EntryRow {
  position: number
  at: string
  kind: string
  actor: Ref
  subject: (Ref & { kind: string }) | null
  summary: string
  severity: Severity
}
export interface Entry extends EntryRow {
  /** The exact stored bytes, base64. */
  body: string
  leaf_hash: string
}
export interface Proof {
  /** Zero-based index of the leaf in the tree. */
  leaf_index: number
  tree_size: number
  /** Sibling hashes from leaf to root, hex. */
  hashes: string[]
  root_hash: string
  /** C2SP tlog-checkpoint, a signed note. */
  checkpoint: string
  /** Verifier key of the note: name+id+key. */
  verifier_key: string
}
export const readEntries = (filter: { q?: string; kind?: string; subject?: string; before?: string }) =>
  get<Page<EntryRow>>(`/ledger/entries${query(filter)}`)
export const readEntry = (position: number) => get<Entry>(`/ledger/entries/${position}`)
export const readProof = (position: number) => get<Proof>(`/ledger/entries/${position}/proof`)
