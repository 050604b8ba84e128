import type { Severity } from '~/lib/api/core'
import type { Release } from '~/lib/api/release'
import { plural } from '~/lib/format'

export interface PageSection {
  id: string
  label: string
  mark: Severity | null
  note: string
}

const worst = (verdicts: string[]): Severity | null =>
  verdicts.includes('fail')
    ? 'bad'
    : verdicts.includes('inconclusive')
      ? 'warning'
      : verdicts.length > 0
        ? 'good'
        : null

/** The parts of the page in order of the life, each with how it stands. Only what exists is listed. */
export function sectionsOf(release: Release): PageSection[] {
  const closed = release.gates.filter(gate => gate.verdict !== 'pass').length
  const unmet = release.criteria.filter(it => it.verdict !== 'pass').length
  const { change, rollback } = release
  const missing = change ? Math.max(0, change.approvals_required - change.approvals) : 0
  const rejected = change?.status.severity === 'bad'
  const list: (PageSection | null)[] = [
    {
      id: 'scope',
      label: 'Scope',
      mark: release.items.some(it => it.quarantined) ? 'bad' : worst(release.items.map(it => it.signature.verdict)),
      note: '',
    },
    { id: 'plan', label: 'Plan', mark: release.window ? 'good' : null, note: '' },
    {
      id: 'gates',
      label: 'Gates',
      mark: worst(release.gates.map(gate => gate.verdict)),
      note: closed ? `${closed} closed` : '',
    },
    {
      id: 'criteria',
      label: 'Criteria',
      mark: worst(release.criteria.map(it => it.verdict)),
      note: unmet ? `${unmet} unmet` : '',
    },
    {
      id: 'approvals',
      label: 'Approvals',
      mark: !change ? null : rejected ? 'bad' : missing || change.open_conditions ? 'warning' : 'good',
      note: missing ? `${missing} missing` : change?.open_conditions ? plural(change.open_conditions, 'condition') : '',
    },
    {
      id: 'rollback',
      label: 'Rollback',
      mark: rollback.current?.status.severity ?? worst([rollback.feasible]),
      note: rollback.current?.status.label ?? '',
    },
    { id: 'deployment', label: 'Deployment', mark: release.deployment ? release.status.severity : null, note: '' },
    release.analyses.length > 0 ? { id: 'canary', label: 'Canary', mark: null, note: '' } : null,
    {
      id: 'watch',
      label: 'Watch',
      mark: release.watch?.status.severity ?? null,
      note: release.watch?.status.label ?? '',
    },
    release.review
      ? { id: 'review', label: 'Review', mark: release.review.status.severity, note: release.review.status.label }
      : null,
    { id: 'timeline', label: 'Timeline', mark: null, note: '' },
  ]
  return list.filter(section => section !== null)
}
