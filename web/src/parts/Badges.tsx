import { Badge } from '@mantine/core'
import type { Severity, Status, Verdict } from '~/lib/api/core'
import { severityColor, severityIcon, verdictColor, verdictIcon, verdictLabel } from '~/lib/labels'

export function StatusBadge({ status, size = 'md' }: { status: Status; size?: 'sm' | 'md' | 'lg' }) {
  const Icon = severityIcon[status.severity]
  return (
    <Badge
      color={severityColor[status.severity]}
      variant="light"
      size={size}
      leftSection={<Icon size={13} aria-hidden />}
      className="badge"
    >
      {status.label}
    </Badge>
  )
}

export function SeverityIcon({ severity, size = 18 }: { severity: Severity; size?: number }) {
  const Icon = severityIcon[severity]
  return <Icon size={size} color={`var(--mantine-color-${severityColor[severity]}-text)`} aria-hidden />
}

export function VerdictBadge({ verdict }: { verdict: Verdict | 'watching' }) {
  const Icon = verdictIcon[verdict]
  return (
    <Badge color={verdictColor[verdict]} variant="light" leftSection={<Icon size={13} aria-hidden />} className="badge">
      {verdictLabel[verdict]}
    </Badge>
  )
}

export function VerdictIcon({ verdict, size = 20 }: { verdict: Verdict | 'watching'; size?: number }) {
  const Icon = verdictIcon[verdict]
  return <Icon size={size} color={`var(--mantine-color-${verdictColor[verdict]}-text)`} aria-hidden />
}
