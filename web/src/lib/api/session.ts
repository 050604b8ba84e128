import { get, post, rememberCsrf } from './client'
import type { Ref } from './core'

export interface Session {
  person: Ref & { email: string; roles: string[] }
  csrf_token: string
  expires_at: string
  server: { version: string; origin: string; position: number; setup_needed: boolean }
}

export async function readSession(): Promise<Session> {
  const session = await get<Session>('/session')
  rememberCsrf(session.csrf_token)
  return session
}
export async function signIn(name: string, password: string): Promise<Session> {
  const session = await post<Session>('/session', { name, password })
  rememberCsrf(session.csrf_token)
  return session
}
export const signOut = () => post<void>('/session', {}, undefined, 'DELETE').finally(() => rememberCsrf(null))

export const setUp = (body: { token: string; name: string; email: string; password: string }) =>
  post<Session>('/setup', body)
