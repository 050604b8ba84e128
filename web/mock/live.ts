/** A deployment that moves and a canary that gathers evidence while one looks at it. */
import { at, envs, hour, minute, st, start } from './basics.ts'
import { action } from './releases.ts'

export const control = { paused: false, aborted: false, rolledBack: false }
const names = ['Verify artefact', 'Drain', 'Apply', 'Smoke test', 'Shift traffic']
const speed = 9_000

function steps(target: string, begin: number, now: number) {
  return names.map((name, i) => {
    const from = begin + i * speed
    const done = now > from + speed
    const running = !done && now > from
    const failed = control.rolledBack && running
    return {
      id: `stp_${target}_${i}`,
      name,
      kind: i === 3 ? 'http' : 'program',
      attempt: i === 2 && target === 'prod-2' ? 2 : 1,
      status: failed ? st.failed : done ? st.done : running ? st.running : st.waiting,
      started_at: now > from ? new Date(from).toISOString() : null,
      ended_at: done ? new Date(from + speed).toISOString() : null,
      summary: [
        'Digest and signature match the permit',
        'No new requests; 14 in flight finished',
        'New version started, old kept',
        '4 of 4 checks answered as expected',
        'Weight set in the router',
      ][i],
      output:
        now > from
          ? {
              lines: 40,
              bytes: 2800,
              digest: done ? 'sha256:9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab' : null,
            }
          : null,
    }
  })
}
const wave = (
  index: number,
  name: string,
  traffic: string,
  targets: string[],
  begin: number,
  now: number,
  share: number,
) => {
  const list = targets.map((target, i) => ({
    id: `tgt_${target}`,
    name: target,
    from_version: '2.7.3',
    to_version: '2.8.0',
    steps: steps(target, begin + i * 20_000, now),
  }))
  const all = list.flatMap(t => t.steps)
  const done = all.every(s => s.status.is_terminal)
  const begun = all.some(s => s.started_at)
  return {
    index,
    name,
    traffic,
    bake_until: done && index === 0 ? at(12 * minute) : null,
    status:
      done && index === 0
        ? { value: 'baking', label: 'Baking', severity: 'info', is_terminal: false }
        : done
          ? st.done
          : begun
            ? st.running
            : st.waiting,
    targets: list.map(t => ({
      ...t,
      status: t.steps.every(s => s.status.is_terminal)
        ? st.done
        : t.steps.some(s => s.started_at)
          ? st.running
          : st.waiting,
      traffic: t.steps.every(s => s.status.is_terminal) ? share : 0,
    })),
  }
}
export function deployment(id: string) {
  const done = id !== 'dep_01k9live'
  const now = done ? Date.now() + hour : Date.now()
  const begin = start - 70_000
  const paused = control.paused
  return {
    id,
    name: 'checkout-2026-47 to production',
    release: { id: 'rel_01k9live', name: 'checkout-2026-47' },
    environment: envs.production,
    status: done
      ? st.done
      : control.aborted
        ? { value: 'aborted', label: 'Aborted', severity: 'bad', is_terminal: true }
        : paused
          ? { value: 'paused', label: 'Paused', severity: 'warning', is_terminal: false }
          : st.running,
    sentence: done
      ? 'Every wave is done.'
      : paused
        ? 'Paused by you: running steps finish, nothing new starts.'
        : 'Wave 1 takes 10 % of traffic; wave 2 starts when the canary passes.',
    started_at: new Date(begin).toISOString(),
    ended_at: done ? at(-hour) : null,
    expected_end_at: done ? null : at(38 * minute),
    parallelism: 2,
    canary: { id: id === 'dep_01k9back' ? 'can_01k9back' : 'can_01k9live', name: 'canary' },
    waves: [
      wave(0, 'Canary', '10 % of traffic', ['prod-1'], begin, now, 0.1),
      wave(1, 'Half', '50 % of traffic', ['prod-2', 'prod-3'], done ? begin : begin + 52_000, now, 0.25),
      wave(2, 'All', 'all traffic', ['prod-4', 'prod-5', 'prod-6'], done ? begin : begin + 10 * hour, now, 0.17),
    ],
    actions: done
      ? []
      : [
          paused
            ? action('resume', 'Resume', true, 'Continues with wave 2 from where it stopped.')
            : action('pause', 'Pause', true, 'Running steps finish; nothing new starts. Traffic stays at 10 %.'),
          action(
            'abort',
            'Abort',
            true,
            'Stops running steps at once. What is deployed stays: 1 target on 2.8.0, 5 on 2.7.3.',
          ),
          action(
            'rollback',
            'Roll back',
            true,
            'Traffic returns to 2.7.3 at once; 1 target is put back in about 41 s; the digest of checkout 2.8.0 is quarantined.',
          ),
        ],
  }
}
const round = (v: number) => Number(v.toFixed(3))
export function canary(id: string) {
  const bad = id === 'can_01k9back'
  const count = bad ? 9 : 34 + Math.floor((Date.now() - start) / 5000)
  const looks = Array.from({ length: count }, (_, i) => {
    const n = i + 1
    const wide = 2.4 / Math.sqrt(n * (bad ? 3 : 1))
    const effect = (bad ? 3.1 : 0.98) * Math.exp((0.35 * Math.sin(n * 1.3)) / Math.sqrt(n))
    return {
      at: bad ? at(-26 * hour + n * minute) : new Date(start + (n - 34) * 15_000).toISOString(),
      canary_requests: n * 412,
      effect: round(effect),
      low: round(effect * Math.exp(-wide)),
      high: round(effect * Math.exp(wide)),
      log10_wealth: bad ? Math.min(2.3, n * 0.26) : Math.max(0, 0.35 + 0.2 * Math.sin(n / 3)),
    }
  })
  const last = looks.at(-1)!
  const ind = (
    label: string,
    weight: number,
    effect: number,
    spread: number,
    verdict: string,
    detail: string,
    log = 0.1,
  ) => ({
    id: label,
    label,
    weight,
    log10_wealth: log,
    effect,
    low: round(effect / spread),
    high: round(effect * spread),
    verdict,
    detail,
  })
  return {
    id,
    deployment: { id: bad ? 'dep_01k9back' : 'dep_01k9live', name: 'deployment' },
    status: bad ? { value: 'failed', label: 'Failed', severity: 'bad', is_terminal: true } : st.running,
    verdict: bad ? 'fail' : 'watching',
    sentence: bad
      ? 'Stopped after 9 looks: the new version answers ×3.1 as many requests badly, surely more than tolerated. Culprit: POST /orders.'
      : 'Not decided: nothing speaks against the new version so far. It passes when harm (×1.5) is excluded for every required indicator.',
    started_at: looks[0]!.at,
    horizon_at: at(22 * minute),
    ended_at: bad ? last.at : null,
    interval_seconds: 15,
    traffic: 0.1,
    tolerance: 1.05,
    harm: 1.5,
    arms: {
      canary: {
        version: '2.8.0',
        requests: last.canary_requests,
        bad: Math.round(last.canary_requests * (bad ? 0.0071 : 0.0022)),
        instances: 1,
      },
      baseline: {
        version: '2.7.3',
        requests: last.canary_requests * 9,
        bad: Math.round(last.canary_requests * 9 * 0.0023),
        instances: 5,
      },
    },
    looks,
    indicators: bad
      ? [
          ind('Errors', 0.33, 3.1, 1.35, 'fail', 'share of answers with 5xx', 2.4),
          ind('Errors, POST /orders', 0.13, 3.8, 1.3, 'fail', 'worst endpoint', 2.6),
          ind('Latency p50', 0.05, 1.01, 1.08, 'pass', 'half of requests'),
          ind('Latency p99', 0.06, 1.12, 1.4, 'watching', 'slowest hundredth', 0.4),
        ]
      : [
          ind(
            'Errors',
            0.33,
            last.effect,
            round(last.high / last.effect),
            'watching',
            'share of answers with 5xx',
            0.3,
          ),
          ind('Errors by endpoint', 0.13, 1.1, 1.9, 'watching', 'worst: POST /orders', 0.4),
          ind('Latency p50', 0.05, 0.99, 1.07, 'pass', 'half of requests'),
          ind('Latency p90', 0.06, 1.02, 1.12, 'pass', 'nine of ten requests', 0.05),
          ind('Latency p99', 0.06, 1.08, 1.35, 'watching', 'slowest hundredth', 0.2),
          ind('Memory', 0.1, 1.03, 1.1, 'inconclusive', 'needs 10 more minutes'),
        ],
    excess_bad: bad ? { value: 18, low: 9, high: 31 } : { value: -1, low: -14, high: 13 },
    forecast: [
      { factor: 2, minutes: 145 },
      { factor: 5, minutes: 13 },
      { factor: 10, minutes: 5 },
    ],
  }
}
export function output(step: string, from: number) {
  const all = Array.from({ length: 60 }, (_, i) => ({
    at: new Date(start - 60_000 + i * 700).toISOString(),
    stream: i === 0 ? 'info' : i % 17 === 9 ? 'err' : 'out',
    text:
      i === 0
        ? `$ ./steps/${step} --target prod --digest sha256:9c56cc51b374`
        : i % 17 === 9
          ? 'warning: the old pool answers slowly, waiting another second'
          : `[${String(i).padStart(2, '0')}/60] ${['checking bytes against the permit', 'copying layer', 'starting instance on port 7003', 'GET /health 200 in 3 ms', 'weight 0.10 confirmed by the router'][i % 5]}`,
  }))
  const upTo = Math.min(60, Math.max(12, Math.floor((Date.now() - start) / 800)))
  return { lines: all.slice(from, upTo), next: Math.max(from, upTo), complete: upTo >= 60 }
}
