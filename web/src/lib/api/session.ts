import { get, post, rememberCsrf } from './client'
import type { Schemas } from './core'

export type Session = Schemas['Session']

async function kept(answer: Promise<Session>): Promise<Session> {
  const session = await answer
  rememberCsrf(session.csrf_token || null)
  return session
}
export const readServer = () => get<Schemas['ServerInfo']>('/version')
export const readSession = () => kept(get<Session>('/session'))
export const signIn = (login: string, password: string) => kept(post<Session>('/session', { login, password }))
export const setUp = (body: Schemas['SetUp']) => kept(post<Session>('/setup', body))
export const signOut = () => post<void>('/session', null, undefined, 'DELETE').finally(() => rememberCsrf(null))
