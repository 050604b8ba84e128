import { post } from './client'

/** Nouns whose objects carry actions; the address of an action is always `/<noun>/<id>/<action>`. */
export type Noun = 'releases' | 'deployments' | 'reviews' | 'environments' | 'changes' | 'calendar' | 'people'

export const act = (noun: Noun, id: string, name: string, body: Record<string, unknown>, key: string) =>
  post<unknown>(`/${noun}/${encodeURIComponent(id)}/${encodeURIComponent(name)}`, body, key)
