import { address } from './action'
import { get } from './client'
import type { Schemas } from './core'

export type Evidence = Schemas['EvidenceView']
export type EvidenceList = Schemas['EvidenceList']

export const readEvidence = (artifact: string) => get<EvidenceList>(`${address('artifacts', artifact)}/evidence`)
