import { get, query } from './client'
import type { Schemas } from './core'

export type WorldView = Schemas['WorldView']
export type Knowledge = Schemas['Knowledge']
export type RecomputedRuling = Schemas['RecomputedRuling']

export const readWorld = (position: number | undefined, object?: string) =>
  get<WorldView>(`/ledger/world${query({ position, object: object || undefined })}`)
export const readWorldAt = (time: string, object?: string) =>
  get<WorldView>(`/ledger/world${query({ time, object: object || undefined })}`)
export const readKnowledge = (position: number) => get<Knowledge>(`/ledger/entries/${position}/knowledge`)
export const recompute = (position: number) => get<RecomputedRuling[]>(`/ledger/entries/${position}/recomputed`)
