/** Releases at four moments of their life: live, held, rolled back, closed; with deployment and canary that move. */
import {
  action,
  at,
  blocker,
  dayLength,
  digest,
  done,
  hour,
  minute,
  people,
  ref,
  running,
  type Schemas,
  sha,
  start,
  status,
  waiting,
} from './basics.ts'

const stages = ['draft', 'planned', 'frozen', 'ready', 'authorised', 'deploying', 'stabilising', 'closed']
const word = (value: string) => (value.charAt(0).toUpperCase() + value.slice(1)).replace('_', ' ')
const tones: Record<string, Schemas['Severity']> = {
  rolled_back: 'bad',
  closed: 'good',
  ready: 'good',
  frozen: 'warning',
}
const life = (stage: string): Schemas['LifeStage'][] => {
  const all = stage === 'rolled_back' ? [...stages.slice(0, -1), stage] : stages
  return all.map((value, i) => ({
    value,
    label: word(value),
    at: i <= all.indexOf(stage) ? at(-(8 - i) * 5 * hour) : null,
    current: value === stage,
    severity: tones[value] ?? 'info',
  }))
}
const subjects = ['Orders keep their lines apart', 'Show the delivery date', 'Round tax per line', 'Add a metric']
const commits = (name: string): Schemas['Commit'][] =>
  subjects.map((subject, i) => ({
    sha: sha(name + i),
    subject,
    author: i % 2 ? 'Erik Lindqvist' : 'Dana Novak',
    author_account: i % 2 ? people.erik : people.dana,
    co_authors: i === 2 ? ['Erik Lindqvist'] : [],
    authored_at: at(-(i + 2) * 9 * hour),
    service: 'checkout',
  }))
const ruling = (verdict: Schemas['Verdict'], blockers: Schemas['Blocker'][] = []): Schemas['Ruling'] => ({
  verdict,
  policy_set: digest('policies'),
  facts_digest: digest(`facts${verdict}`),
  policies: ['base.gates'],
  blockers,
})
const gate = (id: string, description: string, blockers: Schemas['Blocker'][] = []): Schemas['Gate'] => {
  const verdict = blockers.length > 0 ? 'fail' : 'pass'
  return { id, name: word(id).replace('-', ' '), description, verdict, ruling: ruling(verdict, blockers) }
}
const missing = blocker(
  'base.approvals-missing',
  '1 of 2 approvals is missing',
  'one more person approves who neither wrote nor asked for it',
  ['Bea Fischer'],
  at(5 * hour),
)
const unmet = blocker('base.condition-open', 'A condition is not met', 'somebody meets it and says how', [
  'Rita Moreau',
])
const own = blocker('segregation.author', 'You wrote 2 of its 4 commits', 'somebody approves who wrote none', [
  'Bea Fischer',
])
const gates = (held: boolean) => [
  gate('calendar', 'May one ship at that time?'),
  gate('artifact', 'Is every build signed by a key in force, known, and free of quarantine?'),
  gate('approvals', 'Have enough people approved, and has nobody refused?', held ? [missing] : []),
  gate('conditions', 'Are all conditions of the approvals met?', held ? [unmet] : []),
  gate('rollback-plan', 'Is it clear when it is taken back, by whom, and how one knows that this worked?'),
]
const change = (name: string, held: boolean): Schemas['Change'] => {
  const condition: Schemas['Condition'] = {
    id: 'cnd_1',
    text: 'The on-call engineer is named before it ships.',
    by: people.amir,
    status: held ? status('open', 'Open', 'warning') : status('met', 'Met', 'good', true),
    met_by: held ? null : people.rita,
    met_at: held ? null : at(-2 * hour),
    evidence: held ? null : 'Olu Adeyemi is on call until Thursday.',
  }
  const approval = (
    person: Schemas['Ref'],
    reason: string,
    conditions: Schemas['Condition'][],
  ): Schemas['Approval'] => ({
    person,
    decision: 'approve',
    status: conditions.length
      ? status('approved_with_conditions', 'Approved with conditions', 'good')
      : status('approved', 'Approved', 'good'),
    reason,
    conditions,
    at: at(-4 * hour),
    ruling: ruling('pass'),
  })
  return {
    id: `chg_${name}`,
    name,
    summary: '',
    release: ref(name),
    class: 'normal',
    impact: 'high',
    services: ['checkout'],
    authors: [people.dana, people.erik],
    status: status('open', 'Open', 'info'),
    opened_at: at(-9 * hour),
    approvals: held ? 1 : 2,
    approvals_required: 2,
    open_conditions: held ? 1 : 0,
    requested_by: people.rita,
    impact_detail: {
      level: 'high',
      users: 6500,
      revenue_per_hour: 11_000,
      data_classes: ['payment', 'personal'],
      dependants: ['storefront'],
      reasons: ['it handles payment data'],
    },
    co_authors: [],
    unknown_authors: 0,
    commits: 4,
    decisions: [
      approval(people.amir, 'The canary limits the damage.', [condition]),
      ...(held ? [] : [approval(people.bea, 'Reviewed; the test that was missing is there.', [])]),
    ],
    conditions: [condition],
    documents: [],
    documents_missing: [],
    signed: false,
    seen: 'sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
    glasses: [],
    actions: [
      action(
        'approve',
        'Approve',
        !held,
        'Your approval is recorded; conditions become gates.',
        held ? [own] : [],
        true,
      ),
      action('reject', 'Reject', true, 'The release cannot ship unless you take it back.', [], true),
    ],
  }
}
const closedNow = (label: string) => [blocker('wrong-stage', `${label} is not what comes next`, 'nothing', [])]
function base(id: string, name: string, stage: string, sentence: string, offset: number): Schemas['Release'] {
  const held = stage === 'frozen'
  return {
    id,
    name,
    summary: 'Orders keep their lines apart',
    class: 'normal',
    status: status(stage, word(stage), tones[stage] ?? 'info', ['closed', 'rolled_back'].includes(stage)),
    sentence,
    model: 'phased',
    environment: ref('production'),
    services: ['checkout'],
    owner: people.rita,
    window: { start: at(offset), end: at(offset + 2 * hour) },
    created_at: at(offset - dayLength),
    updated_at: at(Math.min(offset, -10 * minute)),
    spec: {
      environment: 'production',
      class: 'normal',
      summary: '',
      items: [],
      pipeline: 'shop',
      length: '2h',
      watch: { length: '5m', interval: '5s' },
    },
    life: life(stage),
    items: [
      {
        service: ref('checkout'),
        version: '1.1.0',
        digest: digest(name),
        size: 184_421,
        signature: { verdict: 'pass', signer: 'shop-build', detail: 'signed by a key in force' },
        quarantined: stage === 'rolled_back',
        from_version: '1.0.0',
        repository: '/srv/git/shop',
        commit: sha('a'),
        since: sha('b'),
      },
    ],
    commits: commits(name),
    commits_total: 4,
    plan: {
      model: 'phased',
      length_s: 7200,
      waves: [
        { name: 'canary', targets: ['checkout-1'], weight: 10, bake_s: 0, canary: true },
        { name: 'rest', targets: ['checkout-2', 'checkout-3', 'checkout-4'], bake_s: 0, canary: false },
      ],
    },
    gates: gates(held),
    change: change(name, held),
    permit: null,
    deployment: null,
    analyses: [],
    watch: null,
    rollback: {
      feasible: 'pass',
      sentence: 'It can be taken back: every target’s former build is known.',
      triggers: [
        {
          name: 'errors',
          condition: 'error ratio of checkout within 10s above 0.05 for 10s',
          action: 'rollback',
          owner: people.olu,
          deputy: people.rita,
        },
      ],
      criteria: ['answers: every target taken back answers /healthz', 'former-build: every target reports it'],
    },
    review: null,
    actions: [
      action('freeze', 'Freeze', false, '', closedNow('Freeze')),
      action(
        'deploy',
        'Deploy',
        stage === 'authorised',
        'The first wave begins at once.',
        stage === 'authorised' ? [] : [missing],
      ),
      action(
        'roll-back',
        'Roll back',
        ['deploying', 'stabilising'].includes(stage),
        'Every target goes back.',
        closedNow('Roll back'),
        true,
      ),
      action('cancel', 'Cancel', held, 'It will not ship.', held ? [] : closedNow('Cancel'), true),
    ].map(it => (it.allowed ? { ...it, reasons: [] } : it)),
  }
}
export const releases: Schemas['Release'][] = [
  {
    ...base(
      'rel_live',
      'checkout-1-1',
      'deploying',
      'Deploying: the canary takes its share and is not decided yet.',
      -14 * minute,
    ),
    deployment: ref('dep_live', 'checkout-1-1'),
    analyses: [ref('ana_live', 'checkout-1-1, canary')],
  },
  base('rel_held', 'checkout-1-3', 'frozen', 'Held: one approval is missing and one condition is open.', 5 * hour),
  base('rel_ready', 'search-1-5', 'authorised', 'Authorised: it may ship from 20:00.', 7 * hour),
  {
    ...base('rel_back', 'checkout-1-2', 'rolled_back', 'Rolled back: it worked; a review is due.', -26 * hour),
    deployment: ref('dep_back', 'checkout-1-2'),
    analyses: [ref('ana_back', 'checkout-1-2, canary')],
    review: {
      id: 'rev_1',
      name: 'checkout-1-2',
      release: ref('rel_back', 'checkout-1-2'),
      services: ['checkout'],
      status: status('open', 'Open', 'warning'),
      why: 'The canary convicted it; it was rolled back.',
      opened_at: at(-26 * hour),
      due_at: at(22 * hour),
      factors: [],
      follow_ups: [],
      blocks: [ref('rel_held', 'checkout-1-3')],
      actions: [action('complete', 'Complete', true, 'The next release of checkout may go on.')],
    },
  },
  ...Array.from({ length: 5 }, (_, i) =>
    base(`rel_old${i}`, `checkout-0-${9 - i}`, 'closed', 'Closed: it stands.', -(i + 3) * 3 * dayLength),
  ),
]
export const rowOf = (it: Schemas['Release']): Schemas['ReleaseRow'] => it

const names = ['drain', 'deploy', 'identity', 'smoke', 'traffic']
const speed = 9_000
export function deployment(id: string): Schemas['Deployment'] {
  const over = id !== 'dep_live'
  const now = over ? Date.now() + hour : Date.now()
  let unit = 0
  const wave = (index: number, name: string, targets: string[], begin: number): Schemas['Wave'] => {
    const list = targets.map((target, i): Schemas['WaveTarget'] => {
      const number = unit++
      const steps = names.map((step, n): Schemas['Step'] => {
        const from = begin + i * 20_000 + n * speed
        const ended = now > from + speed
        return {
          id: `${number}.${n}`,
          name: step,
          kind: n === 2 ? 'http' : 'program',
          phase: 'deploy',
          status: ended ? status('changed', 'Changed', 'good', true) : now > from ? running : waiting,
          attempt: 1,
          runner: 'in-process',
          started_at: now > from ? new Date(from).toISOString() : null,
          ended_at: ended ? new Date(from + speed).toISOString() : null,
          summary: ended ? 'as planned' : '',
        }
      })
      const all = steps.every(step => step.status.is_terminal)
      return {
        unit: number,
        name: target,
        service: ref('checkout'),
        status: all ? done : steps.some(step => step.started_at) ? running : waiting,
        from_version: '1.0.0',
        to_version: '1.1.0',
        digest: digest('checkout'),
        steps,
      }
    })
    return {
      index,
      name,
      status: list.every(it => it.status.is_terminal)
        ? done
        : list.some(it => it.status !== waiting)
          ? running
          : waiting,
      weight: index ? null : 10,
      targets: list,
    }
  }
  const waves = [
    wave(0, 'canary', ['checkout-1'], start - 40_000),
    wave(1, 'rest', ['checkout-2', 'checkout-3', 'checkout-4'], over ? start - 40_000 : start + hour),
  ]
  const steps = waves.flatMap(it => it.targets.flatMap(target => target.steps))
  return {
    id,
    name: 'checkout-1-1',
    release: over ? ref('rel_back', 'checkout-1-2') : ref('rel_live', 'checkout-1-1'),
    environment: ref('production'),
    direction: 'forward',
    status: over ? done : running,
    sentence: over ? 'Every wave is done.' : 'The canary wave is judged; the rest waits for its verdict.',
    started_at: new Date(start - 40_000).toISOString(),
    started_by: people.olu,
    ended_at: over ? at(-hour) : null,
    steps_done: steps.filter(it => it.status.is_terminal).length,
    steps_total: steps.length,
    pipeline: 'shop',
    max_parallel: 2,
    paused: false,
    held: [],
    analysis: ref(over ? 'ana_back' : 'ana_live', 'canary'),
    waves,
    archived: false,
    actions: over
      ? []
      : [
          action('pause', 'Pause', true, 'Running steps finish; nothing new starts.', [], true),
          action('abort', 'Abort', true, 'Stops running steps; what is deployed stays.', [], true),
        ],
  }
}
export function analysis(id: string): Schemas['Analysis'] {
  const bad = id === 'ana_back'
  return {
    id,
    name: 'checkout-1-1, canary',
    release: ref('rel_live', 'checkout-1-1'),
    deployment: ref('dep_live', 'checkout-1-1'),
    environment: ref('production'),
    wave: 0,
    status: bad ? done : running,
    verdict: bad ? 'fail' : null,
    sentence: bad ? 'The new version of checkout is worse.' : 'Nothing speaks against the new version so far.',
    started_at: at(bad ? -26 * hour : -3 * minute),
    ended_at: bad ? at(-25.9 * hour) : null,
    interval_s: 5,
    horizon: 60,
    horizon_at: at(22 * minute),
    at_least: 6,
    compared: [
      {
        service: ref('checkout'),
        new: ['checkout-1'],
        old: ['checkout-2', 'checkout-3', 'checkout-4'],
        new_version: '1.1.0',
        old_version: '1.0.0',
      },
    ],
    actions: [],
  }
}
export function course(id: string): Schemas['Course'] {
  const bad = id === 'ana_back'
  const n = bad ? 9 : 12 + Math.floor((Date.now() - start) / 5000)
  const points = Array.from({ length: n }, (_, i) => {
    const t = i + 1
    const wide = 2.4 / Math.sqrt(t * (bad ? 3 : 1))
    const ratio = (bad ? 3.1 : 0.98) * Math.exp((0.35 * Math.sin(t * 1.3)) / Math.sqrt(t))
    return {
      t,
      log10_evidence: bad ? t * 0.26 : 0.35 + 0.2 * Math.sin(t / 3),
      ratio: i ? ratio : null,
      low: i > 1 ? ratio * Math.exp(-wide) : null,
      high: i > 1 ? ratio * Math.exp(wide) : null,
      new_rate: 0.007,
      old_rate: 0.0023,
      requests_new: 41,
      requests_old: 370,
      excess_bad_requests: bad ? t * 2 : 0.4,
      indicators: [],
    }
  })
  const last = points.at(-1)!
  const evidence = (indicator: string, log10: number, contribution: number) => ({
    indicator,
    weight: 0.3,
    e: 10 ** log10,
    log10,
    contribution,
    acting: true,
  })
  const pass = (indicator: string, best: number) => ({
    indicator,
    e: best,
    best,
    threshold: 20,
    reached: best >= 20,
    final_only: false,
  })
  const latest = {
    t: n,
    horizon: 60,
    log10_wealth: last.log10_evidence,
    threshold: 100,
    evidence: [
      evidence('errors', last.log10_evidence, 0.7),
      evidence('endpoints', 0.2, 0.2),
      evidence('latency_p50', 0, 0.05),
      evidence('latency_p99', 0.1, 0.05),
    ],
    pass: [pass('errors', 8), pass('latency_p50', 31), pass('latency_p99', 12)],
    culprits: bad ? ['errors'] : [],
    effect: {
      canary_rate: 0.007,
      baseline_rate: 0.0023,
      ratio: last.ratio,
      bounds: { low: last.low, high: last.high },
    },
    quantiles: [
      { quantile: 0.5, cumulative: 0.99, bounds: { low: 0.93, high: 1.06 } },
      { quantile: 0.99, cumulative: 1.08, bounds: { low: 0.8, high: null } },
    ],
    excess_bad_requests: last.excess_bad_requests,
    forecast: { intervals_to_double: 180, intervals_to_fivefold: 14, detectable_ratio: 3.2 },
    usable: n,
    n_canary: n * 41,
    n_baseline: n * 370,
    errors_canary: Math.round(n * 41 * 0.007),
    errors_baseline: Math.round(n * 370 * 0.0023),
  }
  const config = {
    errors: { tolerance: 1.05, harm_ratio: 1.5, harm_difference: 0.001 },
    latency: { tolerance: 0.05, harm_p50: 0.2, harm_p90: 0.2, harm_p99: 0.4 },
  }
  return {
    analysis: ref(id),
    complete: bad,
    course: {
      started: at(bad ? -26 * hour : -minute),
      interval_s: 5,
      horizon: 60,
      services: [{ service: 'checkout', config, points, latest }],
    } as unknown as Record<string, never>,
  }
}
export function output(from: number): Schemas['Output'] {
  const all = Array.from(
    { length: 60 },
    (_, i) => `[${String(i).padStart(2, '0')}/60] GET /healthz 200 in 3 ms\n`,
  ).join('')
  const next = Math.min(all.length, Math.max(from, Math.floor((Date.now() - start) / 20)))
  return { text: all.slice(from, next), from, next, complete: next >= all.length, attempt: 1, digest: null }
}
