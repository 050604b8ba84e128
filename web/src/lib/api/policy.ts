import { get } from './client'
import type { Schemas } from './core'

export type PolicySet = Schemas['PolicySet']
export const readPolicies = () => get<PolicySet>('/policies')
