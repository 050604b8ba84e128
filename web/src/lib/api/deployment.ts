import { address } from './action'
import { get, query } from './client'
import type { Page, Schemas } from './core'

export type Deployment = Schemas['Deployment']
export type Wave = Schemas['Wave']
export type WaveTarget = Schemas['WaveTarget']
export type Step = Schemas['Step']
export type Output = Schemas['Output']
export type Pipeline = Schemas['Pipeline']

export const readDeployment = (id: string) => get<Deployment>(address('deployments', id))
export const readOutput = (deployment: string, step: string, from: number, signal?: AbortSignal) =>
  get<Output>(
    `${address('deployments', deployment)}/steps/${encodeURIComponent(step)}/output${query({ from })}`,
    signal,
  )
export const readPipelines = () => get<Page<Pipeline>>('/pipelines?limit=200')
