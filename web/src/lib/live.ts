/** One event source for the whole page: what changed on the server makes the queries about it stale. */
import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import type { Schemas } from './api/core'

export type LiveEvent = Schemas['LiveEntries']
export type LiveState = 'connecting' | 'live' | 'lost'

/** Queries that the news about a noun makes stale; the first word of an event's kind is its noun. */
const stale: Record<string, string[]> = {
  release: ['today', 'releases', 'release', 'timeline', 'calendar', 'environments', 'services', 'boards', 'meeting'],
  change: ['today', 'release', 'releases', 'timeline', 'boards', 'meeting', 'flows', 'debts'],
  board: ['boards', 'meeting', 'release', 'today', 'timeline'],
  template: ['templates', 'release', 'timeline'],
  emergency: ['debts', 'glasses', 'release', 'releases', 'today', 'timeline'],
  calendar: ['today', 'calendar', 'environments', 'release'],
  deployment: ['today', 'releases', 'release', 'deployment', 'timeline', 'environments', 'services', 'metrics'],
  verification: ['deployment', 'analysis', 'release', 'timeline', 'today'],
  operations: ['release', 'releases', 'today', 'timeline'],
  rollback: ['release', 'releases', 'deployment', 'today', 'timeline', 'environments', 'metrics'],
  learning: ['release', 'releases', 'today', 'metrics', 'timeline', 'debts'],
  environment: ['environments', 'calendar', 'today'],
  catalog: ['services', 'environments'],
  artifact: ['release', 'environments', 'artifacts', 'services', 'today'],
  people: ['people', 'session', 'today', 'boards', 'meeting', 'glasses'],
  policy: ['policies', 'release', 'today'],
  reason: ['timeline'],
}

export function staleRoots(kinds: string[]): string[] {
  const roots = new Set<string>(['ledger'])
  for (const kind of kinds)
    for (const root of stale[kind.split('.')[0] ?? ''] ?? Object.values(stale).flat()) roots.add(root)
  return [...roots]
}

let state: LiveState = 'connecting'
let position = 0
const listeners = new Set<() => void>()
const tell = (next: LiveState, at = position) => {
  if (next === state && at === position) return
  state = next
  position = at
  for (const listener of listeners) listener()
}
const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}
export const useLive = () => ({
  state: useSyncExternalStore(subscribe, () => state),
  position: useSyncExternalStore(subscribe, () => position),
})

/** Opens the feed and returns how to close it. News of one burst is gathered for 200 ms, so that a wave makes one reload. */
export function follow(client: QueryClient): () => void {
  const source = new EventSource('/api/v1/live')
  let pending = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | null = null
  const flush = () => {
    timer = null
    const roots = pending
    pending = new Set()
    void client.invalidateQueries({ predicate: query => roots.has(String(query.queryKey[0])) })
  }
  const gather = (roots: string[]) => {
    for (const root of roots) pending.add(root)
    timer ??= setTimeout(flush, 200)
  }
  source.onopen = () => {
    if (state === 'lost') void client.invalidateQueries()
    tell('live')
  }
  source.onerror = () => tell('lost')
  source.addEventListener('entries', message => {
    const event = JSON.parse(message.data as string) as LiveEvent
    tell('live', event.position_to)
    gather(staleRoots(event.kinds))
  })
  return () => {
    source.close()
    if (timer) clearTimeout(timer)
    tell('connecting')
  }
}
