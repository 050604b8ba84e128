import { address } from './action'
import { get } from './client'
import type { Page, Schemas } from './core'

export type EnvironmentRow = Schemas['EnvironmentRow']
export type Environment = Schemas['Environment']
export type Matrix = Schemas['Matrix']
export type Cell = Schemas['Cell']

export const readMatrix = () => get<Matrix>('/matrix')
export const readEnvironments = () => get<Page<EnvironmentRow>>('/environments?limit=500')
export const readEnvironment = (id: string) => get<Environment>(address('environments', id))
