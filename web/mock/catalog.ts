/** Services, environments, artefacts, pipelines, people, policies, calendar: what releases are made of. */
import { action, at, dayLength, digest, hour, minute, page, people, ref, type Schemas, status } from './basics.ts'

const critical = {
  high: status('high', 'High', 'bad'),
  medium: status('medium', 'Medium', 'warning'),
  low: status('low', 'Low', 'neutral'),
}
const service = (
  name: string,
  owner: string,
  level: keyof typeof critical,
  depends_on: string[],
  users: number,
  description: string,
  version: string,
): Schemas['ServiceRow'] => ({
  id: name,
  name,
  description,
  owner,
  users,
  revenue_per_hour: users / 4,
  data_classes: level === 'high' ? ['personal', 'payment'] : [],
  depends_on,
  criticality: critical[level],
  production_version: version,
  mixed: [],
})
export const services = [
  service('storefront', 'orders', 'high', ['catalogue', 'checkout', 'search'], 42_000, 'What shoppers see', '4.12.0'),
  service(
    'checkout',
    'orders',
    'high',
    ['basket', 'catalogue', 'acquirer'],
    6500,
    'A basket becomes an order',
    '1.0.0',
  ),
  service('basket', 'orders', 'medium', ['catalogue', 'pricing'], 18_000, 'What a customer means to buy', '1.0.0'),
  service('catalogue', 'assortment', 'medium', [], 42_000, 'What can be bought', '1.0.0'),
  service('pricing', 'assortment', 'medium', ['stock'], 9000, 'Prices and discounts', '0.31.0'),
  service('stock', 'assortment', 'low', ['pricing'], 800, 'How much is left', '5.0.1'),
  service('search', 'assortment', 'low', [], 40_000, 'Full-text search', '1.4.4'),
]
const cycle = ['pricing', 'stock']
export const graph: Schemas['ServiceGraph'] = {
  nodes: [
    ...services.map(it => ({
      id: it.id,
      name: it.name,
      owner: it.owner,
      severity: it.criticality.severity,
      dependents: services.filter(other => other.depends_on.includes(it.name)).length,
      missing: false,
    })),
    { id: 'acquirer', name: 'acquirer', owner: 'unknown', severity: 'neutral', dependents: 2, missing: true },
  ],
  edges: services.flatMap(it =>
    it.depends_on.map(to => ({ from: it.name, to, in_cycle: cycle.includes(it.name) && cycle.includes(to) })),
  ),
  cycles: [cycle],
}
export const serviceOf = (name: string): Schemas['Service'] | undefined => {
  const row = services.find(it => it.name === name)
  if (!row) return undefined
  const dependents = services.filter(it => it.depends_on.includes(name)).map(it => ref(it.name))
  return {
    ...row,
    spec: { owner: row.owner, repository: '/srv/git/shop', depends_on: row.depends_on },
    dependents,
    all_dependents: dependents,
    versions: ['staging', 'production'].map((environment, i) => ({
      environment: ref(environment),
      version: row.production_version ?? '?',
      digest: digest(name),
      targets: i ? 4 : 1,
      since: at(-(i + 2) * 30 * hour),
      release: null,
      quarantined: false,
    })),
    releases: [],
    actions: [],
  }
}

const freeze = { title: 'quarter-end-close', source: 'calendar finance', start: at(-dayLength), end: at(2 * dayLength) }
export const environments: Schemas['EnvironmentRow'][] = [
  {
    id: 'staging',
    name: 'staging',
    tier: 'staging',
    production_like: true,
    targets: 3,
    status: status('open', 'Open', 'good'),
    freeze: null,
    claim: null,
    deployment: null,
  },
  {
    id: 'production',
    name: 'production',
    tier: 'production',
    production_like: true,
    targets: 12,
    status: status('closed', 'Closed', 'warning'),
    freeze,
    claim: null,
    deployment: ref('dep_live', 'checkout-1-1'),
  },
]
export const matrix = (): Schemas['Matrix'] => ({
  environments,
  services: services.map(it => ({ id: it.id, name: it.name, owner: it.owner })),
  cells: services.flatMap((it, i) =>
    environments.map((environment, j) => ({
      service: it.id,
      environment: environment.id,
      version: it.production_version,
      digest: digest(it.name),
      since: at(-(i + 1) * (j + 1) * 17 * hour),
      release: null,
      status: it.name === 'checkout' && j ? status('mixed', 'Mixed', 'warning') : status('current', 'Current', 'good'),
      mixed: it.name === 'checkout' && j ? ['1.1.0'] : [],
    })),
  ),
})
export const environmentOf = (name: string): Schemas['Environment'] | undefined => {
  const row = environments.find(it => it.name === name)
  return (
    row && {
      ...row,
      spec: { tier: row.tier, deployers: { roles: ['deployer'], groups: [] }, targets: [] },
      target_list: Array.from({ length: 6 }, (_, i) => ({
        id: `checkout-${i + 1}`,
        name: `checkout-${i + 1}`,
        address: `http://127.0.0.1:700${i}`,
        labels: { zone: i % 2 ? 'b' : 'a' },
        service: ref('checkout'),
        version: i ? '1.0.0' : '1.1.0',
        digest: digest('checkout'),
        since: at(-hour),
        release: null,
        status: status('current', 'Current', 'good'),
      })),
      claims: [],
      actions: [action('claim', 'Claim', true, 'Nobody else deploys here until you give it back.')],
    }
  )
}
export const artifacts = (service: string | null) =>
  page(
    ['1.2.0', '1.1.0', '1.0.0'].flatMap((version, i) =>
      services
        .filter(it => !service || it.name === service)
        .map((it): Schemas['ArtifactRow'] => ({
          id: digest(it.name + version),
          name: `${it.name} ${version}`,
          service: ref(it.name),
          version,
          digest: digest(it.name + version),
          size: 184_000 + i,
          registered_at: at(-(i + 1) * dayLength),
          signature: { verdict: 'pass', signer: 'shop-build', detail: 'signed by a key in force' },
          commit: digest(version).slice(7, 47),
          commits: 7,
          status:
            i === 0 && it.name === 'checkout'
              ? status('quarantined', 'Quarantined', 'bad')
              : status('free', 'Free', 'good'),
        })),
    ),
  )
export const quarantines = page<Schemas['Quarantine']>([
  {
    id: 'qua_1',
    digest: digest('checkout1.2.0'),
    service: ref('checkout'),
    version: '1.2.0',
    because_of: ref('rel_back', 'checkout-1-2'),
    reason: 'The canary convicted it.',
    since: at(-26 * hour),
    status: status('in_force', 'In force', 'bad'),
    actions: [action('lift', 'Lift', true, 'It may be deployed again.', [], true)],
  },
])
export const pipelines = page<Schemas['Pipeline']>([
  {
    id: 'shop',
    name: 'shop',
    spec: {
      max_parallel: 2,
      steps: [
        {
          name: 'drain',
          run: { traffic: { router: 'http://127.0.0.1:9901', pool: 'checkout', server: 'checkout-1', weight: '0' } },
          timeout: '20s',
        },
        { name: 'deploy', run: { program: { apply: ['node', 'deploy.mjs'] } }, timeout: '1m', on_rollback: 'undo' },
        { name: 'smoke', run: { http: { url: 'http://127.0.0.1:7001/version' } }, timeout: '1m', attempts: 2 },
      ],
    },
  },
])
export const accounts = page(
  Object.entries(people).map(([login, it], i): Schemas['Account'] => ({
    ...it,
    login,
    email: `${login}@shop.example`,
    kind: 'human',
    roles: [['release-manager'], ['developer'], ['developer'], ['approver'], ['approver'], ['deployer', 'on-call']][i]!,
    groups: [i ? 'orders' : 'release-office'],
    identities: 1,
    links: [],
    status: i === 4 ? status('away', 'Away', 'warning') : status('active', 'Active', 'good'),
    leave: [],
    delegates_to: [],
    actions: [],
  })),
)
export const tokens = page<Schemas['Token']>([
  {
    id: 'tok_1',
    name: 'build',
    owner: people.rita,
    scopes: ['artifact.register', 'change.open'],
    issued_at: at(-40 * dayLength),
    expires_at: at(50 * dayLength),
    status: status('valid', 'Valid', 'good'),
  },
])
export const policies: Schemas['PolicySet'] = {
  digest: digest('policies'),
  packs: [{ name: 'base', version: '1.0.0', files: {} }],
  since: 4,
  installed_at: at(-dayLength),
  shipped: [],
  policies: [
    {
      id: 'segregation.author-may-not-approve',
      pack: 'segregation',
      file: 'segregation.cedar',
      effect: 'forbid',
      title: 'Authors may not approve their own change',
      control: null,
      text: 'forbid (principal, action == Action::"change.approve", resource)\nwhen { context.is_author };',
    },
  ],
}

const iso = (t: number) => new Date(t).toISOString()
export const midnight = new Date(new Date().setHours(0, 0, 0, 0)).getTime()
export function calendar(from: string, to: string): Schemas['CalendarEntries'] {
  const entries: Schemas['CalendarEntry'][] = []
  const add = (kind: string, title: string, begin: number, end: number, more: Partial<Schemas['CalendarEntry']> = {}) =>
    entries.push({
      id: `${kind}/${title}/${begin}`,
      kind,
      title,
      start: iso(begin),
      end: iso(end),
      environments: [ref('production')],
      services: [],
      scope: {},
      source: 'calendar finance',
      reason: '',
      ...more,
    })
  for (let i = -40; i < 50; i++) {
    const t = midnight + i * dayLength
    if (new Date(t).getDay() === 2)
      add('maintenance', 'evening', t + 19 * hour, t + 23 * hour, { recurrence: 'FREQ=WEEKLY;BYDAY=TU', zone: 'UTC' })
    if (i % 4 === 0)
      add('release', `checkout-${40 + i}`, t + 20 * hour, t + 22 * hour, {
        status: status('closed', 'Closed', 'good', true),
        subject: { kind: 'release', id: 'rel_live', name: `checkout-${40 + i}` },
      })
  }
  add('freeze', 'quarter-end-close', midnight + 2 * dayLength, midnight + 7 * dayLength, {
    reason: 'The books must not move while they are closed.',
  })
  return { entries: entries.filter(it => it.end! > from && it.start < to) }
}
export function check(body: Record<string, unknown>): Schemas['CheckAnswer'] {
  const asked = Date.parse(String(body.from ?? body.at ?? at(0)))
  const opens = Math.ceil((begun + 2 * hour) / minute) * minute
  const allowed = asked >= opens
  return {
    allowed,
    reasons: allowed
      ? []
      : [
          {
            code: 'freeze',
            message: 'finance/quarter-end-close keeps production shut: the books must not move while they are closed',
            clears: 'choose one of the slots offered',
            who: ['release-office'],
            by: iso(opens),
          },
        ],
    windows: allowed ? [] : ['finance/quarter-end-close'],
    next_open: allowed ? null : iso(opens),
    next_close: null,
    slots: [0, 1, 24].map(n => ({ start: iso(opens + n * hour), end: iso(opens + (n + 1) * hour) })),
  }
}
const begun = Date.now()
