/** Made-up people, services, environments and times. All times are relative to now, so that the pages always look alive. */
import { createHash } from 'node:crypto'
import type { components } from '../src/gen/api'

export type Schemas = components['schemas']
export type Status = Schemas['Status']

export const minute = 60_000
export const hour = 60 * minute
export const dayLength = 24 * hour
export const start = Date.now()
export const at = (offset: number) => new Date(start + offset).toISOString()
export const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
export const sha = (text: string) => createHash('sha1').update(text).digest('hex')
export const ref = (id: string, name = id): Schemas['Ref'] => ({ id, name })

export const status = (value: string, label: string, severity: Schemas['Severity'], is_terminal = false): Status => ({
  value,
  label,
  severity,
  is_terminal,
})
export const blocker = (
  code: string,
  message: string,
  clears: string,
  who: string[],
  by: string | null = null,
): Schemas['Blocker'] => ({ code, message, clears, who, by })
export const action = (
  name: string,
  label: string,
  allowed: boolean,
  effect: string,
  reasons: Schemas['Blocker'][] = [],
  needs_reason = false,
): Schemas['Action'] => ({ name, label, allowed, reasons, effect, needs_reason })
export const page = <T>(items: T[]) => ({ items, next: null })

export const people = {
  rita: ref('acc_rita', 'Rita Moreau'),
  dana: ref('acc_dana', 'Dana Novak'),
  erik: ref('acc_erik', 'Erik Lindqvist'),
  amir: ref('acc_amir', 'Amir Haddad'),
  bea: ref('acc_bea', 'Bea Fischer'),
  olu: ref('acc_olu', 'Olu Adeyemi'),
}
export const done = status('done', 'Done', 'good', true)
export const running = status('running', 'Running', 'info')
export const waiting = status('waiting', 'Waiting', 'neutral')
