import type { Severity } from '~/lib/api/core'
import type { Release } from '~/lib/api/release'

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
  const open = release.gates.filter(gate => gate.verdict !== 'pass').length
  const waiting = release.approvals.filter(approval => approval.decision === 'waiting').length
  const rejected = release.approvals.some(approval => approval.decision === 'rejected')
  const list: (PageSection | null)[] = [
    { id: 'scope', label: 'Scope', mark: worst(release.scope.artefacts.map(a => a.signature.verdict)), note: '' },
    { id: 'plan', label: 'Plan', mark: release.window ? 'good' : null, note: '' },
    {
      id: 'gates',
      label: 'Gates',
      mark: worst(release.gates.map(gate => gate.verdict)),
      note: open ? `${open} closed` : '',
    },
    {
      id: 'approvals',
      label: 'Approvals',
      mark: rejected ? 'bad' : waiting ? 'warning' : release.approvals.length ? 'good' : null,
      note: waiting ? `${waiting} waiting` : '',
    },
    {
      id: 'rollback',
      label: 'Rollback',
      mark: release.rollback.status?.severity ?? worst([release.rollback.feasible]),
      note: release.rollback.status?.label ?? '',
    },
    { id: 'deployment', label: 'Deployment', mark: release.deployment ? release.status.severity : null, note: '' },
    release.canary ? { id: 'canary', label: 'Canary', mark: null, note: '' } : null,
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
