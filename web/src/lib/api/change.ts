import type { Schemas } from './core'

export type Change = Schemas['Change']
export type Approval = Schemas['Approval']
export type Condition = Schemas['Condition']
