import { get, post } from './client'
import type { Page, Schemas } from './core'

export type Runner = Schemas['Runner']
export type InviteRunner = Schemas['InviteRunner']

export const readRunners = () => get<Page<Runner>>('/runners?limit=500')
export const inviteRunner = (body: InviteRunner) => post<Schemas['RunnerInvitation']>('/runners/invitations', body)
