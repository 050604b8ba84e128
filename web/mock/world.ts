import { at, cycles, dayLength, digest, envs, hour, minute, people, services, st, status } from './basics.ts'
import { action, releases, soon } from './releases.ts'

const midnight = new Date(new Date().setHours(0, 0, 0, 0)).getTime()
const iso = (t: number) => new Date(t).toISOString()
const ship = (i: number, from: number, to: number) => {
  const r = releases[i]!
  return {
    release: { id: r.id, name: r.name },
    services: r.services,
    environment: r.environment,
    window: { start: iso(from), end: iso(to) },
    status: r.status,
    sentence: r.sentence,
  }
}
export const today = () => ({
  day: { start: iso(midnight), end: iso(midnight + dayLength) },
  timezone: 'UTC',
  needs_me: [
    {
      id: 'n1',
      title: 'Approve pricing-0.32',
      why: 'Yours is the second of two approvals. 4 commits, impact low, canary planned.',
      subject: { kind: 'release', id: 'rel_01k9appr', name: 'pricing-0.32' },
      due_at: at(6 * hour),
      severity: 'info',
      waiting: [],
      actions: releases[3]!.actions,
    },
    {
      id: 'n2',
      title: 'Meet a condition of checkout-2026-48',
      why: 'Priya Nair: the on-call engineer is named before it ships.',
      subject: { kind: 'release', id: 'rel_01k9held', name: 'checkout-2026-48' },
      due_at: at(4 * hour),
      severity: 'warning',
      waiting: [],
      actions: [
        action('meet_condition', 'Meet the condition', true, 'The gate opens if policy accepts what you attach.'),
      ],
    },
    {
      id: 'n3',
      title: 'Complete the review of checkout-2026-46',
      why: 'It was rolled back. The next release of checkout waits for this.',
      subject: { kind: 'release', id: 'rel_01k9back', name: 'checkout-2026-46' },
      due_at: at(22 * hour),
      severity: 'warning',
      waiting: [],
      actions: [],
    },
  ],
  ships_today: [
    ship(0, Date.now() - 15 * minute, Date.now() + 105 * minute),
    ship(2, midnight + 20 * hour, midnight + 22 * hour),
    ship(1, midnight + 18 * hour, midnight + 20 * hour),
  ],
  in_trouble: [
    {
      id: 't1',
      subject: { kind: 'release', id: 'rel_01k9held', name: 'checkout-2026-48' },
      status: st.held,
      sentence: 'Two gates are closed and its window opens in 5 hours.',
      since: at(-3 * hour),
      deadline_at: at(5 * hour),
      blockers: [soon],
    },
    {
      id: 't2',
      subject: { kind: 'release', id: 'rel_01k9back', name: 'checkout-2026-46' },
      status: st.rolledBack,
      sentence: 'Rolled back by its canary; its digest is quarantined.',
      since: at(-26 * hour),
      deadline_at: null,
      blockers: [],
    },
  ],
  freezes: [
    {
      id: 'fr1',
      title: 'Nightly settlement',
      source: 'calendar/settlement.yaml',
      environments: [envs.production],
      start: iso(midnight + 0.5 * hour),
      end: iso(midnight + 3.5 * hour),
    },
  ],
  next: [ship(3, midnight + 34 * hour, midnight + 36 * hour), ship(4, midnight + 58 * hour, midnight + 60 * hour)],
})

export function calendar(from: string, to: string) {
  const entries: Record<string, unknown>[] = []
  const add = (kind: string, title: string, start: number, end: number, more: Record<string, unknown> = {}) =>
    entries.push({
      id: `cal_${kind}_${start}`,
      kind,
      title,
      start: iso(start),
      end: iso(end),
      environments: [envs.production],
      source: `calendar/${kind}.yaml`,
      reason: '',
      recurrence: null,
      timezone: 'Europe/Berlin',
      status: null,
      subject: null,
      ...more,
    })
  const first = midnight - 40 * dayLength
  for (let i = 0; i < 90; i++) {
    const t = first + i * dayLength
    const weekday = new Date(t).getDay()
    if (weekday === 2 || weekday === 4)
      add('maintenance', 'Evening window', t + 19 * hour, t + 23 * hour, {
        reason: 'Least traffic of the day',
        recurrence: 'FREQ=WEEKLY;BYDAY=TU,TH',
      })
    if (i % 3 === 0) {
      const r = releases[i % releases.length]!
      add('release', r.name, t + 20 * hour, t + 22 * hour, { status: r.status, subject: { id: r.id, name: r.name } })
    }
  }
  add('freeze', 'Peak season', midnight + 2 * dayLength, midnight + 7 * dayLength, {
    reason: 'Highest sales of the year; board decision 2026-14',
    source: 'calendar/peak-season.yaml',
  })
  add('lockdown', 'Acquirer outage', midnight - 5 * dayLength + 9 * hour, midnight - 5 * dayLength + 17 * hour, {
    reason: 'Nordpay reported declined cards',
    source: 'Aiko Sato',
  })
  add('claim', 'Load test', midnight + 9 * hour, midnight + 12 * hour, {
    environments: [envs.staging],
    status: st.active,
  })
  add('release', releases[0]!.name, Date.now() - 15 * minute, Date.now() + 105 * minute, {
    status: releases[0]!.status,
    subject: { id: releases[0]!.id, name: releases[0]!.name },
  })
  return { entries: entries.filter(e => String(e.end) > from && String(e.start) < to) }
}
export function slots(start: string | null) {
  const frozen = start !== null && new Date(start).getTime() < midnight + 7 * dayLength
  const begin = midnight + 8 * dayLength + 19 * hour
  return {
    allowed: !frozen,
    reasons: frozen
      ? [
          {
            code: 'calendar.freeze',
            message: 'The freeze “Peak season” covers this window until it ends in 7 days.',
            clears: 'Choose one of the next free windows, or ask the release board for an exemption.',
            who: ['the release board'],
            by: null,
          },
        ]
      : [],
    slots: [0, 2, 7].map(d => ({
      start: iso(begin + d * dayLength),
      end: iso(begin + d * dayLength + 2 * hour),
      note: '',
    })),
  }
}
const environment = (e: { id: string; name: string }, tier: string, production_like: boolean, targets: number) => ({
  ...e,
  tier,
  production_like,
  targets,
  status: st.healthy,
  freeze: null as unknown,
})
export const environments = [
  environment(envs.test, 'test', false, 3),
  environment(envs.staging, 'pre-production', true, 6),
  {
    ...environment(envs.production, 'production', true, 12),
    freeze: {
      title: 'Peak season',
      source: 'calendar/peak-season.yaml',
      start: iso(midnight + 2 * dayLength),
      end: iso(midnight + 7 * dayLength),
    },
  },
]
const own = services.filter(s => !s.third_party)
export const matrix = () => ({
  environments,
  services: own.map(s => ({ id: s.id, name: s.name, owner: s.owner })),
  cells: own.flatMap((s, i) =>
    environments.flatMap((e, j) => {
      if (s.name === 'ledger-db' && j === 0) return []
      const version =
        j === 2
          ? s.production_version!
          : s.production_version!.replace(/\d+$/, d => String(Number(d) + (j === 0 ? 2 : 1)))
      const mixed = s.name === 'checkout' && j === 2 ? ['2.7.3', '2.8.0'] : [version]
      return [
        {
          service: s.id,
          environment: e.id,
          version,
          digest: digest(s.name + version),
          since: at(-(i + 1) * (j + 1) * 17 * hour),
          release: i % 2 ? { id: releases[i]!.id, name: releases[i]!.name } : null,
          status: mixed.length > 1 ? st.deploying : st.healthy,
          mixed,
        },
      ]
    }),
  ),
})
export const environmentDetail = (id: string) => {
  const e = environments.find(x => x.id === id) ?? environments[2]!
  return {
    ...e,
    description: `The ${e.name} shop in Frankfurt`,
    timezone: 'Europe/Berlin',
    deployers: [people.tom, people.aiko],
    target_list: Array.from({ length: 6 }, (_, i) => ({
      id: `tgt_${i}`,
      name: `${e.name}-${i + 1}`,
      address: `10.4.0.${10 + i}:7000`,
      labels: { zone: i % 2 ? 'b' : 'a', pool: 'web' },
      service: { id: 'svc_checkout', name: 'checkout' },
      version: i ? '2.7.3' : '2.8.0',
      status: st.healthy,
    })),
    claims: [
      {
        id: 'clm_1',
        kind: 'exclusive',
        holder: people.tom,
        subject: null,
        reason: 'Deployment of checkout-2026-47',
        start: at(-15 * minute),
        end: at(2 * hour),
        status: st.active,
      },
    ],
    actions: [
      action('claim', 'Claim', false, '', [
        {
          code: 'environment.claim.conflict',
          message: 'Tomás Rivera holds it exclusively for 2 more hours.',
          clears: 'Wait, or ask the holder to release it.',
          who: ['Tomás Rivera'],
          by: at(2 * hour),
        },
      ]),
    ],
  }
}
export const serviceList = () => ({ items: services, next: null, cycles })
export const serviceDetail = (id: string) => {
  const s = services.find(x => x.id === id) ?? services[0]!
  const ref = (x: string) => ({ id: x, name: services.find(y => y.id === x)!.name })
  return {
    ...s,
    repository: `shop/${s.name}.git`,
    versions: environments.map((e, i) => ({
      environment: { id: e.id, name: e.name },
      version: s.production_version ?? '?',
      since: at(-(i + 2) * 30 * hour),
      status: st.healthy,
    })),
    dependents: services.filter(x => x.depends_on.includes(s.id)).map(x => ref(x.id)),
    dependencies: s.depends_on.map(ref),
    releases: releases.slice(0, 5).map(r => ({ id: r.id, name: r.name, status: r.status, at: r.updated_at })),
  }
}
export const dora = (from: string, to: string) => {
  const series = (f: (i: number) => number, spread: number) =>
    Array.from({ length: 13 }, (_, i) => ({
      at: iso(new Date(from).getTime() + (i * (new Date(to).getTime() - new Date(from).getTime())) / 12),
      value: f(i),
      low: f(i) / spread,
      high: f(i) * spread,
    }))
  const figure = (
    key: string,
    label: string,
    display: string,
    low: string,
    high: string,
    sample: number,
    definition: string,
    trend: unknown,
    points: unknown,
    unit: string,
  ) => ({ key, label, display, low, high, sample, definition, trend, points, unit })
  return {
    from,
    to,
    confidence: 0.95,
    figures: [
      figure(
        'deployment_frequency',
        'Deployment frequency',
        '3.4 a week',
        '2.6',
        '4.4',
        44,
        'Finished deployments to production-like environments.',
        { label: '+12 %', severity: 'good' },
        series(i => 2.4 + i * 0.08 + Math.sin(i), 1.35),
        '/week',
      ),
      figure(
        'lead_time',
        'Lead time for changes',
        '1 d 6 h',
        '22 h',
        '1 d 17 h',
        212,
        'Median from commit to production.',
        { label: '−9 %', severity: 'good' },
        series(i => 34 - i * 0.4 + 2 * Math.cos(i), 1.25),
        'h',
      ),
      figure(
        'change_failure_rate',
        'Change failure rate',
        '6.8 %',
        '2.3 %',
        '18 %',
        44,
        'Deployments rolled back or fixed forward in 24 hours.',
        { label: 'unclear', severity: 'neutral' },
        series(i => 6 + 3 * Math.sin(i / 2), 1.9),
        '%',
      ),
      figure(
        'time_to_recover',
        'Time to recover',
        '14 min',
        '4 min',
        '51 min',
        3,
        'Median from harm seen to success criteria passed.',
        null,
        series(i => 20 - i, 2.2),
        'min',
      ),
    ],
  }
}
export const observations = () => ({
  next: null,
  items: releases.slice(4).map((r, i) => ({
    position: 400 - i * 9,
    at: r.updated_at,
    release: { id: r.id, name: r.name },
    environment: r.environment,
    counted: r.status.value === 'rolled_back' ? 'failed' : 'succeeded',
    value: r.status.value === 'rolled_back' ? '1' : '0',
    severity: r.status.value === 'rolled_back' ? 'bad' : 'good',
  })),
})
const roles = [
  ['release manager', 'developer'],
  ['payments lead'],
  ['change manager'],
  ['deployment engineer'],
  ['on-call engineer', 'security lead'],
]
export const peopleList = () => ({
  next: null,
  items: Object.values(people)
    .filter(p => p.id !== 'sys')
    .map((p, i) => ({
      ...p,
      email: `${p.name.split(' ')[0]!.toLowerCase()}@shop.example`,
      roles: roles[i],
      groups: [],
      status: i === 3 ? status('on_leave', 'On leave', 'warning') : st.active,
      last_seen_at: at(-(i * i + 1) * 50 * minute),
      delegates_to: i === 3 ? people.aiko : null,
    })),
})
export const tokens = () => ({
  next: null,
  items: [
    {
      id: 'tok_1',
      name: 'ci-checkout',
      owner: people.mara,
      scopes: ['evidence:write', 'release:plan'],
      created_at: at(-40 * dayLength),
      expires_at: at(50 * dayLength),
      last_used_at: at(-9 * minute),
      status: st.active,
    },
    {
      id: 'tok_2',
      name: 'runner-frankfurt',
      owner: people.tom,
      scopes: ['runner'],
      created_at: at(-80 * dayLength),
      expires_at: at(-2 * dayLength),
      last_used_at: at(-3 * dayLength),
      status: status('expired', 'Expired', 'warning', true),
    },
  ],
})
export const policies = () => ({
  next: null,
  set_digest: digest('policies'),
  items: [
    {
      id: 'segregation.author_may_not_approve',
      pack: 'segregation',
      title: 'Authors may not approve their own change',
      effect: 'forbid',
      text: 'forbid (principal, action == Action::"approve", resource)\nwhen { resource.authors.contains(principal) };',
      digest: digest('p1'),
      evaluations: 812,
      refusals: 37,
    },
    {
      id: 'base.deployers_deploy',
      pack: 'base',
      title: 'Deployers of an environment may deploy to it',
      effect: 'permit',
      text: 'permit (principal, action == Action::"deploy", resource)\nwhen { resource.environment.deployers.contains(principal) };',
      digest: digest('p2'),
      evaluations: 1204,
      refusals: 0,
    },
  ],
})
