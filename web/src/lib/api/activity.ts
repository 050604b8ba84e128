import { get, query } from './client'
import type { Page, Schemas } from './core'

export type Activity = Schemas['Activity']
export type ActivityFilter = Partial<
  Record<'q' | 'actor' | 'change' | 'release' | 'environment' | 'target' | 'kind' | 'from' | 'to' | 'cursor', string>
>
export const readActivity = (filter: ActivityFilter) => get<Page<Activity>>(`/activity${query({ ...filter })}`)

/** Where the same can be fetched as a file. */
export const exportAddress = (filter: ActivityFilter, form: 'csv' | 'jsonl' | 'cef') => {
  const { cursor: _, ...rest } = filter
  return `/api/v1/activity/export${query({ ...rest, form })}`
}
