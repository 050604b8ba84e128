import { get, query } from './client'
import type { Schemas } from './core'

export type Today = Schemas['Today']
export type NeedsMe = Schemas['NeedsMe']
export type Shipping = Schemas['Shipping']
export type Trouble = Schemas['Trouble']

export const readToday = (zone: string) => get<Today>(`/today${query({ zone })}`)
