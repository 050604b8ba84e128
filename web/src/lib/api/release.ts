import { address } from './action'
import { get, post, query } from './client'
import type { Page, Receipt, Schemas } from './core'

export type ReleaseRow = Schemas['ReleaseRow']
export type Release = Schemas['Release']
export type ReleaseItem = Schemas['ReleaseItem']
export type ReleaseSpec = Schemas['ReleaseSpec']
export type DraftRelease = Schemas['DraftRelease']
export type Gate = Schemas['Gate']
export type Criterion = Schemas['CriterionView']
export type CriterionResult = Schemas['CriterionResult']
export type Watch = Schemas['Watch']
export type RollbackView = Schemas['RollbackView']
export type Explanation = Schemas['Explanation']

export const readReleases = (filter: { state?: string; q?: string; environment?: string; cursor?: string }) =>
  get<Page<ReleaseRow>>(`/releases${query({ ...filter })}`)
export const readRelease = (id: string) => get<Release>(address('releases', id))
export const readExplanation = (id: string) => get<Explanation>(`${address('releases', id)}/explain`)
export const readTimeline = (id: string, cursor?: string) =>
  get<Page<Schemas['EntryRow']>>(`${address('releases', id)}/timeline${query({ cursor, limit: 200 })}`)
/** With `start`: puts it together and plans it, both or neither. The receipt's subject is the release. */
export const draftRelease = (body: DraftRelease, key: string) => post<Receipt>('/releases', body, key)
