import { describe, expect, it } from 'vitest'
import type { Release } from '~/lib/api/release'
import { toEvents } from './calendar/events'
import { barPosition, effectRange, inWords, shares } from './canary/effect'
import { hexDump, pretty } from './ledger/bytes'
import { sectionsOf } from './release/sections'
import { layOut } from './service/layout'
import { safeReturn } from './session/safeReturn'

const look = (effect: number, low: number, high: number) => ({
  at: '2026-11-23T12:00:00Z',
  canary_requests: 1,
  effect,
  low,
  high,
  log10_wealth: 0,
})

describe('canary picture', () => {
  it('keeps both lines in view and never leaves 1/16..16', () => {
    expect(effectRange({ looks: [look(1, 0.9, 1.1)], tolerance: 1.05, harm: 1.5 })).toEqual([0.5, 2])
    expect(effectRange({ looks: [look(1, 0, 900)], tolerance: 1.05, harm: 1.5 })).toEqual([0.5, 16])
  })
  it('says where the truth lies', () => {
    const lines = { tolerance: 1.05, harm: 1.5 }
    expect(inWords({ ...lines, looks: [] })).toBe('No look yet.')
    expect(inWords({ ...lines, looks: [look(3, 2, 4)] })).toContain('beyond the line of harm')
    expect(inWords({ ...lines, looks: [look(1.3, 1.1, 1.8)] })).toContain('worse than tolerated')
    expect(inWords({ ...lines, looks: [look(1, 0.8, 1.2)] })).toContain('harm is excluded')
    expect(inWords({ ...lines, looks: [look(1, 0.5, 2)] })).toContain('not decided')
  })
  it('places no effect in the middle of a bar', () => expect(barPosition(1)).toBe(0.5))
  it('shares the evidence out by weighted wealth', () => {
    const parts = shares([
      { id: 'a', label: 'a', weight: 0.1, log10_wealth: 2 },
      { id: 'b', label: 'b', weight: 0.1, log10_wealth: 1 },
    ])
    expect(parts[0]).toMatchObject({ id: 'a', share: 10 / 11 })
  })
})

describe('calendar', () => {
  const entry = {
    id: 'x',
    title: 'Peak',
    start: '2026-11-23T00:00:00Z',
    end: '2026-11-25T00:00:00Z',
    environments: [],
    source: 's',
    reason: '',
    recurrence: null,
    timezone: 'UTC',
    status: null,
    subject: null,
  }
  it('shades freezes and names them, and only names releases', () => {
    const freeze = toEvents([{ ...entry, kind: 'freeze' }])
    expect(freeze.filter(e => e.display === 'background')).toHaveLength(2)
    expect(freeze.at(-1)?.title).toBe('Freeze: Peak')
    expect(toEvents([{ ...entry, kind: 'release' }])).toHaveLength(1)
  })
})

describe('release', () => {
  it('lists only what exists and marks the worst gate', () => {
    const release = {
      status: { severity: 'warning' },
      window: null,
      gates: [{ verdict: 'pass' }, { verdict: 'inconclusive' }],
      approvals: [{ decision: 'waiting' }],
      scope: { artefacts: [] },
      rollback: { status: null, feasible: 'pass' },
      deployment: null,
      canary: null,
      watch: null,
      review: null,
    } as unknown as Release
    const sections = sectionsOf(release)
    expect(sections.map(s => s.id)).not.toContain('canary')
    expect(sections.find(s => s.id === 'gates')).toMatchObject({ mark: 'warning', note: '1 closed' })
    expect(sections.find(s => s.id === 'scope')?.mark).toBeNull()
  })
})

describe('service graph', () => {
  it('lays a cycle out without losing a node or an edge', () => {
    const row = (id: string, depends_on: string[]) => ({ id, name: id, depends_on }) as never
    const { nodes, edges } = layOut({
      items: [row('a', ['b']), row('b', ['a', 'gone'])],
      next: null,
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
})
