import { post } from './client'
import type { Receipt } from './core'

/** The address of an object, as actions are carried out below it. */
export const address = (noun: string, id: string) => `/${noun}/${encodeURIComponent(id)}`

/** Carries an action out: `POST <address of the object>/<action>`. */
export const act = (at: string, name: string, body: Record<string, unknown>, key: string) =>
  post<Receipt>(`${at}/${encodeURIComponent(name)}`, body, key)
