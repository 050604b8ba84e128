import { get, query } from './client'
import type { Schemas } from './core'

export const search = (q: string, signal?: AbortSignal) => get<Schemas['Hits']>(`/search${query({ q })}`, signal)
