import { address } from './action'
import { get } from './client'
import type { Page, Schemas } from './core'

export type Board = Schemas['Board']
export type Meeting = Schemas['Meeting']
export type AgendaItem = Schemas['AgendaItem']
export type Template = Schemas['Template']
export type Debt = Schemas['Debt']
export type Glass = Schemas['Glass']
export type Flow = Schemas['Flow']

export const readBoards = () => get<Page<Board>>('/boards?limit=200')
export const readMeeting = (id: string) => get<Meeting>(address('meetings', id))
export const readTemplates = () => get<Page<Template>>('/templates?limit=200')
export const readDebts = () => get<Page<Debt>>('/debts?limit=200')
export const readGlasses = () => get<Page<Glass>>('/glasses?limit=200')
export const readFlows = () => get<Page<Flow>>('/flows')
