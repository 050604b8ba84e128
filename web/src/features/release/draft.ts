/** The plan form and the specification it becomes. Pure; what the form does not ask is told by `blank`. */
import type { ReleaseSpec } from '~/lib/api/release'

export interface Draft {
  name: string
  summary: string
  class: ReleaseSpec['class']
  environment: string
  pipeline: string
  /** Digest by service. */
  items: Record<string, string>
  model: 'phased' | 'big_bang'
  /** Local text of a `datetime-local` field. */
  start: string
  length: string
  canaryTake: string
  canaryWeight: string
  interval: string
  horizon: string
  atLeast: string
  onInconclusive: 'hold' | 'rollback'
  /** What counts as harm: additional errors per request, and a rise of the duration, both in per cent. */
  harmErrors: string
  harmLatency: string
  errorPercent: string
  errorFor: string
  owner: string
  deputy: string
  healthPath: string
  identityPath: string
  identityPointer: string
  watchLength: string
  watchInterval: string
}

export const blank: Draft = {
  name: '',
  summary: '',
  class: 'normal',
  environment: '',
  pipeline: '',
  items: {},
  model: 'phased',
  start: '',
  length: '1h',
  canaryTake: '1',
  canaryWeight: '10',
  interval: '5s',
  horizon: '60',
  atLeast: '6',
  onInconclusive: 'hold',
  harmErrors: '0.1',
  harmLatency: '20',
  errorPercent: '5',
  errorFor: '10s',
  owner: '',
  deputy: '',
  healthPath: '/healthz',
  identityPath: '/version',
  identityPointer: '/digest',
  watchLength: '5m',
  watchInterval: '5s',
}

export function specOf(draft: Draft): ReleaseSpec {
  const services = Object.keys(draft.items)
  return {
    environment: draft.environment,
    class: draft.class,
    summary: draft.summary,
    items: services.map(service => ({ service, digest: draft.items[service] })),
    pipeline: draft.pipeline,
    model:
      draft.model === 'big_bang'
        ? { big_bang: {} }
        : {
            phased: {
              waves: [
                {
                  name: 'canary',
                  take: draft.canaryTake,
                  weight: Number(draft.canaryWeight),
                  canary: {
                    interval: draft.interval,
                    horizon: Number(draft.horizon),
                    at_least: Number(draft.atLeast),
                    on_inconclusive: draft.onInconclusive,
                    margins: {
                      errors: Number(draft.harmErrors) / 100,
                      latency_p50: Number(draft.harmLatency) / 100,
                      latency_p90: Number(draft.harmLatency) / 100,
                      latency_p99: Number(draft.harmLatency) / 50,
                    },
                  },
                },
                { name: 'rest', take: 'rest' },
              ],
            },
          },
    length: draft.length,
    triggers: services.map(service => ({
      name: services.length > 1 ? `errors-${service}`.slice(0, 63) : 'errors',
      indicator: { error_ratio: { service, window: draft.errorFor } },
      comparison: 'above',
      threshold: Number(draft.errorPercent) / 100,
      for: draft.errorFor,
      action: 'rollback',
      owner: draft.owner,
      deputy: draft.deputy,
    })),
    rollback: {
      criteria: [
        { name: 'answers', http: { path: draft.healthPath } },
        { name: 'former-build', reports: { path: draft.identityPath, pointer: draft.identityPointer } },
      ],
    },
    watch: { length: draft.watchLength, interval: draft.watchInterval },
  }
}

/** Whether enough was said to ask the server; whether it is right is the server's to say. */
export const complete = (draft: Draft) =>
  draft.name !== '' &&
  draft.environment !== '' &&
  draft.pipeline !== '' &&
  draft.owner !== '' &&
  draft.deputy !== '' &&
  Object.keys(draft.items).length > 0 &&
  Object.values(draft.items).every(digest => digest !== '')

const units: Record<string, number> = { d: 86_400, h: 3600, m: 60, s: 1 }
/** Seconds of a length such as `1h 30m`; null when it is none. */
export function seconds(length: string): number | null {
  const parts = [...length.matchAll(/(\d+)\s*([dhms])\s*/g)]
  if (parts.length === 0 || parts.map(part => part[0]).join('') !== length.trim()) return null
  return parts.reduce((sum, part) => sum + Number(part[1]) * units[part[2]!]!, 0)
}
