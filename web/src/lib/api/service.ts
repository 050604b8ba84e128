import { address } from './action'
import { get } from './client'
import type { Page, Schemas } from './core'

export type ServiceRow = Schemas['ServiceRow']
export type Service = Schemas['Service']
export type ServiceGraph = Schemas['ServiceGraph']

export const readServices = () => get<Page<ServiceRow>>('/services?limit=500')
export const readService = (id: string) => get<Service>(address('services', id))
export const readGraph = () => get<ServiceGraph>('/graph')
