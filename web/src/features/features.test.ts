import { describe, expect, it } from 'vitest'
import type { Release } from '~/lib/api/release'
import type { Assessment, Look, ServiceCourse } from '~/lib/api/verification'
import { quarterOf } from './administration/quarter'
import { toEvents } from './calendar/events'
import { barPosition, chartData, effectRange, inWords, labelOf, linesOf, shares } from './canary/effect'
import { linesOf as linesOfOutput } from './deployment/lines'
import { hexDump, pretty } from './ledger/bytes'
import { periodOf } from './ledger/pack'
import { interval, inUnit } from './metrics/words'
import { blank, complete, seconds, specOf } from './release/draft'
import { sectionsOf } from './release/sections'
import { layOut } from './service/layout'
import { safeReturn } from './session/safeReturn'
import { secretOf } from './session/secret'

const look = (ratio: number | null, low: number | null, high: number | null) => ({ ratio, low, high })
const lines = { tolerance: 1.05, harm: 1.5 }

describe('canary picture', () => {
  it('keeps both lines in view and never leaves 1/16..16', () => {
    expect(effectRange([look(1, 0.9, 1.1)], lines)).toEqual([0.5, 2])
    expect(effectRange([look(1, 0, 900)], lines)).toEqual([0.5, 16])
    expect(effectRange([look(null, null, null)], lines)).toEqual([0.5, 2])
  })
  it('says where the truth lies', () => {
    expect(inWords([], lines)).toBe('No look yet.')
    expect(inWords([look(3, 2, 4)], lines)).toContain('beyond the line of harm')
    expect(inWords([look(1.3, 1.1, 1.8)], lines)).toContain('worse than tolerated')
    expect(inWords([look(1, 0.8, 1.2)], lines)).toContain('harm is excluded')
    expect(inWords([look(1, 0.5, 2)], lines)).toContain('not decided')
    expect(inWords([look(null, null, null)], lines)).toContain('cannot be compared by errors')
  })
  it('draws a bound nobody knows at the edge, and a ratio nobody knows not at all', () => {
    const point = { ...look(null, null, 1.5), t: 2 } as Look
    const [at, high, low, ratio] = chartData([point], lines, '1970-01-01T00:00:00Z', 5)
    expect([at, high, low, ratio]).toEqual([[10], [1.5], [0.5], [null]])
  })
  it('takes the laxer of the two lines of harm', () => {
    const config = { errors: { tolerance: 1.05, harm_ratio: 1.5, harm_difference: 0.001 } } as ServiceCourse['config']
    const latest = (baseline_rate: number) => ({ effect: { baseline_rate } }) as Assessment
    expect(linesOf({ config, latest: latest(0.001) }).harm).toBe(2)
    expect(linesOf({ config, latest: latest(0.1) }).harm).toBe(1.5)
    expect(linesOf({ config, latest: null }).harm).toBe(1.5)
  })
  it('places no effect in the middle of a bar', () => expect(barPosition(1)).toBe(0.5))
  it('names indicators and orders them by their share', () => {
    const parts = shares([
      { indicator: 'latency_p99', contribution: 0.2 },
      { indicator: 'errors', contribution: 0.8 },
      { indicator: 'endpoints', contribution: 0 },
    ])
    expect(parts.map(part => part.label)).toEqual(['Errors', 'Latency, slowest 1 %'])
    expect(labelOf('quantile_p50')).toBe('Latency, p50')
  })
})

describe('calendar', () => {
  const entry = {
    id: 'x',
    kind: 'freeze',
    title: 'Peak',
    start: '2026-11-23T00:00:00Z',
    end: '2026-11-25T00:00:00Z',
    environments: [],
    source: 's',
    reason: '',
    recurrence: null,
    services: [],
    scope: {},
    status: null,
    subject: null,
  }
  it('shades freezes and names them, and only names releases', () => {
    const freeze = toEvents([{ ...entry, kind: 'freeze' }])
    expect(freeze.filter(e => e.display === 'background')).toHaveLength(2)
    expect(freeze.at(-1)?.title).toBe('Freeze: Peak')
    expect(toEvents([{ ...entry, kind: 'release' }])).toHaveLength(1)
    expect(toEvents([{ ...entry, kind: 'lockdown', end: null }]).at(-1)?.end).toBe('2027-12-28T00:00:00.000Z')
  })
})

describe('release', () => {
  it('lists only what exists and marks the worst gate', () => {
    const release = {
      status: { severity: 'warning' },
      gates: [{ verdict: 'pass' }, { verdict: 'inconclusive' }],
      criteria: [{ verdict: 'pass' }, { verdict: 'fail' }],
      change: { approvals: 1, approvals_required: 2, open_conditions: 0, status: { severity: 'info' } },
      items: [],
      analyses: [],
      rollback: { feasible: 'pass' },
    } as unknown as Release
    const sections = sectionsOf(release)
    expect(sections.map(s => s.id)).not.toContain('canary')
    expect(sections.find(s => s.id === 'gates')).toMatchObject({ mark: 'warning', note: '1 closed' })
    expect(sections.find(s => s.id === 'criteria')).toMatchObject({ mark: 'bad', note: '1 unmet' })
    expect(sections.find(s => s.id === 'approvals')).toMatchObject({ mark: 'warning', note: '1 missing' })
    expect(sections.find(s => s.id === 'scope')?.mark).toBeNull()
  })
})

describe('service graph', () => {
  it('lays a cycle out without losing a node or an edge', () => {
    const node = (id: string) => ({ id, name: id, owner: '', severity: 'info' as const, dependents: 0, missing: false })
    const { nodes, edges } = layOut({
      nodes: [node('a'), node('b')],
      edges: [
        { from: 'a', to: 'b', in_cycle: true },
        { from: 'b', to: 'a', in_cycle: true },
        { from: 'b', to: 'gone', in_cycle: false },
      ],
      cycles: [['a', 'b']],
    })
    expect(nodes).toHaveLength(2)
    expect(edges.map(e => e.className)).toEqual(['edge-cycle', 'edge-cycle'])
  })
})

describe('ledger bytes', () => {
  it('shows bytes that are not JSON as they are', () => {
    expect(pretty(new TextEncoder().encode('{"a":1}'))).toBe('{\n  "a": 1\n}')
    expect(pretty(new TextEncoder().encode('{'))).toBe('{')
    expect(hexDump(new TextEncoder().encode('Hi\n'))).toContain('48 69 0a')
  })
})

describe('sign-in', () => {
  it('returns only to addresses of this site', () => {
    expect(safeReturn('/releases/1')).toBe('/releases/1')
    for (const bad of ['//evil.example', 'https://evil.example', '/\\evil.example', null])
      expect(safeReturn(bad)).toBe('/')
  })
  it('finds the secret of a one-time link where it may stand', () => {
    expect(secretOf('#abc', '')).toBe('abc')
    expect(secretOf('#secret=abc', '')).toBe('abc')
    expect(secretOf('', '?token=abc')).toBe('abc')
    expect(secretOf('', '')).toBeNull()
  })
})

describe('plan', () => {
  const draft = { ...blank, name: 'a', environment: 'production', pipeline: 'shop', items: { checkout: 'sha256:00' } }
  it('reads lengths as people write them', () => {
    expect(seconds('1h 30m')).toBe(5400)
    expect(seconds('2d')).toBe(172_800)
    for (const bad of ['', '90', '1 fortnight', 'h']) expect(seconds(bad)).toBeNull()
  })
  it('asks for owner and deputy, and gives every service a trigger', () => {
    expect(complete(draft)).toBe(false)
    expect(complete({ ...draft, owner: 'olu', deputy: 'rita' })).toBe(true)
    expect(complete({ ...draft, owner: 'olu', deputy: 'rita', items: { checkout: '' } })).toBe(false)
    const spec = specOf({ ...draft, items: { checkout: 'sha256:00', basket: 'sha256:01' } })
    expect(spec.triggers?.map(it => it.name)).toEqual(['errors-checkout', 'errors-basket'])
    expect(spec.triggers?.[0]?.threshold).toBe(0.05)
    expect(specOf({ ...draft, model: 'big_bang' }).model).toEqual({ big_bang: {} })
  })
})

describe('figures', () => {
  it('words values by their unit', () => {
    expect(inUnit(0.2, 'per_day')).toBe('1.4 a week')
    expect(inUnit(0.125, 'ratio')).toBe('13 %')
    expect(interval(60, null, 'seconds')).toBe('above 1 min')
    expect(interval(null, null, 'ratio')).toBe('no interval yet')
  })
})

describe('output', () => {
  it('shows messages of the step protocol and everything else as it is', () => {
    const lines = linesOfOutput('plain\n{"message":"said"}\n{broken\n')
    expect(lines.map(line => line.text)).toEqual(['plain', 'said', '{broken'])
  })
})

describe('evidence packs', () => {
  it('covers whole days, and only periods that are ones', () => {
    expect(periodOf('2026-07-01', '2026-09-30')).toEqual({
      from: '2026-07-01T00:00:00.000Z',
      to: '2026-10-01T00:00:00.000Z',
    })
    expect(periodOf('2026-07-02', '2026-07-01')).toBeNull()
    expect(periodOf('', '2026-07-01')).toBeNull()
  })
})

describe('quarters', () => {
  it('begin and end with months of the calendar in UTC', () => {
    expect(quarterOf(new Date('2026-11-26T10:00:00Z'))).toEqual({ from: '2026-10-01', to: '2026-12-31' })
    expect(quarterOf(new Date('2028-02-29T23:59:59Z'))).toEqual({ from: '2028-01-01', to: '2028-03-31' })
    expect(quarterOf(new Date('2026-04-01T00:00:00Z'))).toEqual({ from: '2026-04-01', to: '2026-06-30' })
  })
})
