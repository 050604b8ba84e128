import { at, dayLength, digest, envs, hour, minute, people, sha, st } from './basics.ts'

const blocker = (code: string, message: string, clears: string, who: string[], by: string | null = null) => ({
  code,
  message,
  clears,
  who,
  by,
})
export const soon = blocker(
  'gate.security_scan.stale',
  'The security scan is 9 days old; the limit is 7.',
  'Run the scan again in the pipeline, or ask the security lead for an exception.',
  ['the pipeline', 'Aiko Sato'],
  at(5 * hour),
)
const own = blocker(
  'segregation.author',
  'You wrote 3 of its 7 commits; authors may not approve their own change.',
  'Somebody who wrote none of it approves.',
  ['Priya Nair', 'Jonas Weber'],
  at(5 * hour),
)
const conditionOpen = blocker(
  'gate.condition.open',
  'Priya Nair’s condition is not met: the on-call engineer must be named.',
  'Meet the condition and attach how.',
  ['Mara Lindqvist'],
  at(4 * hour),
)

const action = (name: string, label: string, allowed: boolean, effect: string, reasons: unknown[] = []) => ({
  name,
  label,
  allowed,
  reasons,
  effect,
})
const stages = ['Draft', 'Planned', 'Frozen', 'Ready', 'Authorised', 'Deploying', 'Stabilising', 'Closed']
const life = (upTo: number, end?: string) =>
  stages
    .map((label, i) => ({
      value: label.toLowerCase(),
      label: i === 7 && end ? end : label,
      at: i <= upTo || (i === 7 && end) ? at(-(8 - i) * 5 * hour) : null,
      current: end ? i === 7 : i === upTo,
      severity: i === 7 && end ? 'bad' : upTo === 7 ? 'good' : 'info',
    }))
    .filter(step => !end || step.at !== null)

const subjects = [
  'Charge only after stock is reserved',
  'Retry the acquirer once on a timeout',
  'Show the delivery date in the basket',
  'Round tax per line, not per order',
  'Drop the old voucher endpoint',
  'Add a metric for declined cards',
  'Update the HTTP client',
]
const authors = [
  'Mara Lindqvist',
  'Tomás Rivera',
  'Mara Lindqvist',
  'Tomás Rivera',
  'Mara Lindqvist',
  'Jonas Weber',
  'Tomás Rivera',
]
const scope = (name: string, version: string, from: string, ok = true) => ({
  repository: 'shop/checkout.git',
  from: `v${from}`,
  to: `v${version}`,
  commits: subjects.map((subject, i) => ({
    sha: sha(name + i),
    subject,
    author: authors[i],
    authored_at: at(-(i + 2) * 9 * hour),
    change: null,
  })),
  changes: [
    {
      id: 'chg_01k9a71',
      name: 'CHG-1042',
      title: 'Payment form with stock reservation',
      class: 'normal',
      impact: 'high',
      authors: ['Mara Lindqvist', 'Tomás Rivera'],
    },
    {
      id: 'chg_01k9a72',
      name: 'CHG-1043',
      title: 'Declined-card metric',
      class: 'standard',
      impact: 'low',
      authors: ['Jonas Weber'],
    },
  ],
  artefacts: [
    {
      id: 'art_1',
      service: { id: 'svc_checkout', name: 'checkout' },
      version,
      from_version: from,
      digest: digest(`checkout${version}`),
      bytes: 18_442_190,
      signature: { verdict: 'pass', signer: 'build key 2026-03', detail: '' },
      quarantined: !ok,
    },
    {
      id: 'art_2',
      service: { id: 'svc_payments', name: 'payments' },
      version: '3.2.0',
      from_version: '3.1.0',
      digest: digest(`payments${version}`),
      bytes: 9_120_332,
      signature: { verdict: 'pass', signer: 'build key 2026-03', detail: '' },
      quarantined: false,
    },
  ],
})
const gate = (
  id: string,
  name: string,
  verdict: string,
  reasons: string[],
  blockers: unknown[] = [],
  description = '',
) => ({
  id,
  name,
  verdict,
  reasons,
  blockers,
  description,
  evidence: id === 'approvals' ? [] : [{ name: `${id}.json`, digest: digest(id), attached_at: at(-20 * hour) }],
  decided_at: at(-3 * hour),
  policy_digest: digest('policies'),
  facts_digest: digest(`facts${id}`),
  position: 4711,
  due_at: at(5 * hour),
})
const gates = (open: boolean) => [
  gate(
    'tests',
    'Test sign-off',
    'pass',
    ['1,482 tests, none failed, at the commit of the artefact'],
    [],
    'All suites ran against the exact digest that ships.',
  ),
  gate(
    'signature',
    'Artefacts signed',
    'pass',
    ['Both signatures are by a key of this organisation'],
    [],
    'Every artefact carries a minisign signature by a known key.',
  ),
  open
    ? gate(
        'security',
        'Security scan',
        'pass',
        ['No finding above medium; 2 days old'],
        [],
        'A scan younger than 7 days without findings above medium.',
      )
    : gate(
        'security',
        'Security scan',
        'fail',
        ['The scan is 9 days old; the limit is 7', 'No finding above medium at that time'],
        [soon],
        'A scan younger than 7 days without findings above medium.',
      ),
  gate(
    'calendar',
    'Window open',
    'pass',
    ['No freeze touches the window; maintenance window “Tuesday evening” covers it'],
    [],
    'The window touches no freeze and lies in a maintenance window.',
  ),
  open
    ? gate('condition', 'Condition: on-call engineer named', 'pass', [
        'Met by Mara Lindqvist: Aiko Sato is on call until Thursday',
      ])
    : gate(
        'condition',
        'Condition: on-call engineer named',
        'inconclusive',
        ['Nothing was attached yet; no evidence never passes'],
        [conditionOpen],
        'A condition of Priya Nair’s approval.',
      ),
  gate(
    'rollback',
    'Rollback feasible',
    'pass',
    ['Rehearsed 3 days ago on staging in 41 s; no schema change'],
    [],
    'The previous version must run on the data of the next.',
  ),
]
const approvals = (done: boolean) => [
  {
    id: 'apr_1',
    person: people.priya,
    role: 'Change manager',
    decision: 'approved with condition',
    reason: 'The reservation closes the double-sale hole, and the canary limits the damage.',
    condition: 'The on-call engineer is named before it ships.',
    condition_status: done
      ? { value: 'met', label: 'Met', severity: 'good', is_terminal: true }
      : { value: 'open', label: 'Open', severity: 'warning', is_terminal: false },
    at: at(-4 * hour),
    position: 4702,
  },
  done
    ? {
        id: 'apr_2',
        person: people.jonas,
        role: 'Payments lead',
        decision: 'approved',
        reason: 'Reviewed the retry; idempotency keys hold.',
        condition: null,
        condition_status: null,
        at: at(-3 * hour),
        position: 4709,
      }
    : {
        id: 'apr_2',
        person: null,
        role: 'Payments lead',
        decision: 'waiting',
        reason: '',
        condition: null,
        condition_status: null,
        at: null,
        position: null,
      },
]
const rollback = (rolled = false) => ({
  feasible: 'pass',
  sentence: rolled
    ? 'Rolled back to 2.7.3 by itself after the canary failed; every criterion passed.'
    : 'Feasible: 2.7.3 runs on the data of 2.8.0. The last rehearsal took 41 s, 3 days ago.',
  triggers: [
    {
      id: 't1',
      name: 'Canary fails',
      condition: 'sequential judge, W ≥ 100',
      automatic: true,
      owner: people.aiko,
      deputy: people.jonas,
      fired_at: rolled ? at(-26 * hour) : null,
    },
    {
      id: 't2',
      name: 'Errors in the watch',
      condition: 'error rate > 1 % for 2 min',
      automatic: true,
      owner: people.aiko,
      deputy: people.jonas,
      fired_at: null,
    },
    {
      id: 't3',
      name: 'Business harm',
      condition: 'orders per minute below 60 % of last week',
      automatic: false,
      owner: people.mara,
      deputy: people.priya,
      fired_at: null,
    },
  ],
  criteria: [
    {
      id: 'c1',
      name: 'Every instance serves 2.7.3',
      verdict: rolled ? 'pass' : 'inconclusive',
      detail: rolled ? '6 of 6 by /version' : 'checked after a rollback',
      checked_at: null,
    },
    {
      id: 'c2',
      name: 'Error rate back below 0.5 %',
      verdict: rolled ? 'pass' : 'inconclusive',
      detail: rolled ? '0.21 % over 5 min' : 'checked after a rollback',
      checked_at: null,
    },
    {
      id: 'c3',
      name: 'No order without a payment',
      verdict: rolled ? 'pass' : 'inconclusive',
      detail: rolled ? '0 of 1,204 orders' : 'checked after a rollback',
      checked_at: null,
    },
  ],
  status: rolled ? { value: 'succeeded', label: 'Succeeded', severity: 'good', is_terminal: true } : null,
  started_at: rolled ? at(-26 * hour) : null,
  ended_at: rolled ? at(-26 * hour + 44_000) : null,
})
const wave = (name: string, targets: number, traffic: string, bake_minutes: number) => ({
  name,
  targets,
  traffic,
  bake_minutes,
})
const plan = {
  model: 'Phased: canary, half, all',
  timezone: 'Europe/Berlin',
  waves: [
    wave('Canary', 1, '10 % of traffic', 15),
    wave('Half', 2, '50 % of traffic', 10),
    wave('All', 3, 'all traffic', 0),
  ],
}
const points = (level: number) =>
  Array.from({ length: 40 }, (_, i) => [
    at(-(40 - i) * minute),
    Number((level * (1 + 0.22 * Math.sin(i * 1.7) + 0.12 * Math.cos(i * 0.6))).toFixed(3)),
  ])
const watch = (over: boolean) => ({
  status: over
    ? { value: 'passed', label: 'Passed', severity: 'good', is_terminal: true }
    : { value: 'watching', label: 'Watching', severity: 'info', is_terminal: false },
  started_at: at(-40 * minute),
  ends_at: at(over ? -10 * minute : 80 * minute),
  on_call: people.aiko,
  queries: [
    {
      id: 'q1',
      name: 'Error rate',
      expression: 'sum(rate(http_requests_total{code=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))',
      unit: '%',
      threshold: 1,
      current: 0.23,
      verdict: 'pass',
      points: points(0.22),
    },
    {
      id: 'q2',
      name: 'Latency p99',
      expression: 'histogram_quantile(0.99, rate(http_request_seconds_bucket[1m]))',
      unit: 'ms',
      threshold: 400,
      current: 291,
      verdict: 'pass',
      points: points(285),
    },
    {
      id: 'q3',
      name: 'Orders per minute',
      expression: 'sum(rate(orders_total[1m])) * 60',
      unit: '/min',
      threshold: 80,
      current: null,
      verdict: 'inconclusive',
      points: [],
    },
  ],
})
const review = {
  id: 'rev_01k9c1',
  status: { value: 'open', label: 'Open', severity: 'warning', is_terminal: false },
  opened_at: at(-26 * hour),
  due_at: at(22 * hour),
  owner: people.mara,
  why: 'The release was rolled back by its canary. Until the review is done, the next release of checkout stays held.',
  summary: '',
  causes: [],
  follow_ups: [],
  blocks: [{ id: 'rel_01k9held', name: 'checkout-2026-48' }],
  actions: [
    action('complete', 'Complete the review', true, 'Closes the review and lets the next release of checkout proceed.'),
  ],
}
const base = (
  id: string,
  name: string,
  title: string,
  status: (typeof st)['draft'],
  sentence: string,
  offset: number,
) => ({
  id,
  name,
  title,
  status,
  sentence,
  model: 'Phased',
  environment: envs.production,
  services: ['checkout', 'payments'],
  owner: people.mara,
  window: { start: at(offset), end: at(offset + 2 * hour) },
  updated_at: at(Math.min(offset, -20 * minute)),
  created_at: at(offset - 3 * dayLength),
  plan,
  scope: scope(name, '2.8.0', '2.7.3'),
  gates: gates(true),
  approvals: approvals(true),
  approvals_needed: '2 of: change manager, payments lead',
  permit: null as unknown,
  deployment: null as unknown,
  canary: null as unknown,
  watch: null as unknown,
  rollback: rollback(),
  review: null as unknown,
  life: life(3),
  actions: [] as ReturnType<typeof action>[],
})

export const permit = {
  id: 'pmt_01k9d0f3',
  status: { value: 'valid', label: 'Valid', severity: 'good', is_terminal: false },
  issued_at: at(-14 * minute),
  expires_at: at(46 * minute),
  bound_to: ['2 digests', 'production'],
}

export const releases = [
  {
    ...base(
      'rel_01k9live',
      'checkout-2026-47',
      'Payment form with stock reservation',
      st.deploying,
      'Deploying to production: 1 of 3 waves runs. The canary takes 10 % of traffic and is not decided yet.',
      -14 * minute,
    ),
    life: life(5),
    permit,
    deployment: { id: 'dep_01k9live', name: 'checkout-2026-47 to production' },
    canary: { id: 'can_01k9live', name: 'canary' },
  },
  {
    ...base(
      'rel_01k9held',
      'checkout-2026-48',
      'Vouchers in the basket',
      st.held,
      'Held: the security scan is 9 days old (limit 7). Run it again or ask the security lead for an exception.',
      5 * hour,
    ),
    gates: gates(false),
    approvals: approvals(false),
    life: life(2),
    actions: [
      action('deploy', 'Deploy', false, '', [soon, conditionOpen]),
      action('approve', 'Approve', false, '', [own]),
      action('reject', 'Reject', true, 'The release goes back to planned; its author is told why.'),
      action(
        'meet_condition',
        'Meet the condition',
        true,
        'The gate “on-call engineer named” opens if policy accepts what you attach.',
      ),
      action('replan', 'Plan again', true, 'Takes it out of its window; approvals are asked for again.'),
      action('cancel', 'Cancel', true, 'Ends the release for good; nothing was deployed.'),
    ],
  },
  {
    ...base(
      'rel_01k9ready',
      'storefront-4.13',
      'Faster product pages',
      st.ready,
      'Ready: every gate passes. It may ship from 20:00.',
      7 * hour,
    ),
    services: ['storefront'],
    actions: [
      action('deploy', 'Deploy', true, 'Starts wave 1 of 3 in production with 10 % of traffic.'),
      action('cancel', 'Cancel', true, 'Ends the release for good.'),
    ],
  },
  {
    ...base(
      'rel_01k9appr',
      'pricing-0.32',
      'Discount stacking rules',
      st.frozen,
      'Waits for the approval of one more person: change manager.',
      30 * hour,
    ),
    services: ['pricing'],
    approvals: approvals(false),
    life: life(2),
    actions: [
      action('approve', 'Approve', true, 'Yours is the second of two approvals: the release becomes ready.'),
      action('reject', 'Reject', true, 'The release goes back to planned; its author is told why.'),
    ],
  },
  {
    ...base(
      'rel_01k9stab',
      'catalog-1.19.2',
      'Price import in the background',
      st.stabilising,
      'Stabilising: 40 of 120 minutes watched; one indicator has no data.',
      -2 * hour,
    ),
    services: ['catalog'],
    life: life(6),
    watch: watch(false),
    deployment: { id: 'dep_01k9done', name: 'catalog-1.19.2 to production' },
    actions: [
      action('rollback', 'Roll back', true, 'All targets return to 1.19.1 in about 41 s; the digest is quarantined.'),
    ],
  },
  {
    ...base(
      'rel_01k9back',
      'checkout-2026-46',
      'New tax rounding',
      st.rolledBack,
      'Rolled back: the canary saw ×3.1 the errors after 6 minutes at 10 % of traffic. The review is open.',
      -26 * hour,
    ),
    scope: scope('back', '2.7.9', '2.7.3', false),
    life: life(5, 'Rolled back'),
    rollback: rollback(true),
    review,
    deployment: { id: 'dep_01k9back', name: 'checkout-2026-46 to production' },
    canary: { id: 'can_01k9back', name: 'canary' },
  },
  {
    ...base('rel_01k9drft', 'search-1.5', 'Synonyms', st.draft, 'Draft: no window yet.', 50 * hour),
    services: ['search'],
    window: null,
    life: life(0),
    gates: [],
    approvals: [],
    scope: { ...scope('s', '1.5', '1.4.4'), artefacts: [], changes: [] },
    actions: [action('replan', 'Plan a window', true, 'Books the window; gates are decided by policy.')],
  },
  ...Array.from({ length: 9 }, (_, i) => ({
    ...base(
      `rel_01k9old${i}`,
      `checkout-2026-${45 - i}`,
      'Weekly',
      st.closed,
      'Closed: watched for 2 hours without a finding.',
      -(i + 3) * 3 * dayLength,
    ),
    life: life(7),
    watch: watch(true),
    deployment: { id: 'dep_01k9done', name: 'to production' },
  })),
]
export { action }
