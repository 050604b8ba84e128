import { address } from './action'
import { get, post } from './client'
import type { Page, Receipt, Schemas } from './core'

export type Account = Schemas['Account']
export type Token = Schemas['Token']
export type IssueToken = Schemas['IssueToken']

export const readAccounts = () => get<Page<Account>>('/accounts?limit=500')
export const readTokens = () => get<Page<Token>>('/tokens?limit=500')
export const issueToken = (body: IssueToken) => post<Schemas['IssuedToken']>('/tokens', body)
export const revokeToken = (id: string) => post<Receipt>(`${address('tokens', id)}/revoke`, {})
