/** Made-up people, services, environments and times. All times are relative to now, so that the pages always look alive. */
import { createHash } from 'node:crypto'

export const minute = 60_000
export const hour = 60 * minute
export const dayLength = 24 * hour
export const start = Date.now()
export const at = (offset: number) => new Date(start + offset).toISOString()
export const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
export const sha = (text: string) => createHash('sha1').update(text).digest('hex')

export const status = (value: string, label: string, severity: string, is_terminal = false) => ({
  value,
  label,
  severity,
  is_terminal,
})
export const st = {
  draft: status('draft', 'Draft', 'neutral'),
  planned: status('planned', 'Planned', 'info'),
  frozen: status('frozen', 'Frozen', 'info'),
  held: status('frozen', 'Held', 'warning'),
  ready: status('ready', 'Ready', 'good'),
  deploying: status('deploying', 'Deploying', 'info'),
  stabilising: status('stabilising', 'Stabilising', 'info'),
  closed: status('closed', 'Closed', 'good', true),
  rolledBack: status('rolled_back', 'Rolled back', 'bad', true),
  cancelled: status('cancelled', 'Cancelled', 'neutral', true),
  healthy: status('healthy', 'Healthy', 'good'),
  done: status('done', 'Done', 'good', true),
  running: status('running', 'Running', 'info'),
  waiting: status('waiting', 'Waiting', 'neutral'),
  failed: status('failed', 'Failed', 'bad', true),
  active: status('active', 'Active', 'good'),
}

export const people = {
  mara: { id: 'per_01k9mara', name: 'Mara Lindqvist' },
  jonas: { id: 'per_01k9jonas', name: 'Jonas Weber' },
  priya: { id: 'per_01k9priya', name: 'Priya Nair' },
  tom: { id: 'per_01k9tom', name: 'Tomás Rivera' },
  aiko: { id: 'per_01k9aiko', name: 'Aiko Sato' },
  system: { id: 'sys', name: 'Interlock' },
}
export const envs = {
  test: { id: 'env_01k9test', name: 'test' },
  staging: { id: 'env_01k9staging', name: 'staging' },
  production: { id: 'env_01k9production', name: 'production' },
}

const critical = {
  high: ['Mission critical', 'bad'],
  mid: ['Important', 'warning'],
  low: ['Supporting', 'neutral'],
} as const
const service = (
  id: string,
  owner: string,
  level: keyof typeof critical,
  depends_on: string[],
  more: Record<string, unknown> = {},
) => ({
  id: `svc_${id}`,
  name: id,
  description: '',
  owner,
  criticality: { value: level, label: critical[level][0], severity: critical[level][1] },
  users: 0,
  revenue: 'none',
  data_classes: [] as string[],
  third_party: false,
  depends_on: depends_on.map(d => `svc_${d}`),
  production_version: '1.0.0' as string | null,
  ...more,
})
export const services = [
  service('storefront', 'Web shop', 'high', ['catalog', 'checkout', 'search'], {
    description: 'What shoppers see',
    users: 420_000,
    revenue: '€ 1.2 M a day',
    data_classes: ['personal'],
    production_version: '4.12.0',
  }),
  service('checkout', 'Payments', 'high', ['payments', 'inventory', 'pricing'], {
    description: 'Basket to order',
    users: 180_000,
    revenue: '€ 1.2 M a day',
    data_classes: ['personal', 'financial'],
    production_version: '2.7.3',
  }),
  service('payments', 'Payments', 'high', ['acquirer', 'ledger-db'], {
    description: 'Charges and refunds',
    users: 180_000,
    revenue: '€ 1.2 M a day',
    data_classes: ['financial'],
    production_version: '3.1.0',
  }),
  service('catalog', 'Product data', 'mid', ['search'], {
    description: 'Products and prices',
    users: 420_000,
    production_version: '1.19.2',
  }),
  service('pricing', 'Product data', 'mid', ['catalog', 'inventory'], {
    description: 'Prices and discounts',
    users: 90_000,
    production_version: '0.31.0',
  }),
  service('inventory', 'Logistics', 'mid', ['pricing'], {
    description: 'Stock by warehouse',
    users: 800,
    production_version: '5.0.1',
  }),
  service('search', 'Web shop', 'low', [], {
    description: 'Full-text search',
    users: 400_000,
    production_version: '1.4.4',
  }),
  service('ledger-db', 'Platform', 'high', [], {
    description: 'Bookings database',
    data_classes: ['financial'],
    production_version: '15.8',
  }),
  service('acquirer', 'Nordpay', 'high', [], {
    description: 'Card acquirer',
    third_party: true,
    production_version: null,
  }),
]
export const cycles = [['svc_pricing', 'svc_inventory']]
