import { Avatar, Badge, Group, Stack, Text } from '@mantine/core'
import { IconChecks, IconCircleCheck, IconCircleX, IconClockHour4, IconFlag } from '@tabler/icons-react'
import { Link } from 'react-router'
import type { Approval, Release } from '~/lib/api/release'
import { count } from '~/lib/format'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

const looks: Record<Approval['decision'], { color: string; icon: typeof IconCircleCheck }> = {
  approved: { color: 'teal', icon: IconCircleCheck },
  'approved with condition': { color: 'teal', icon: IconFlag },
  rejected: { color: 'red', icon: IconCircleX },
  waiting: { color: 'orange', icon: IconClockHour4 },
}

export function ApprovalsSection({ release }: { release: Release }) {
  return (
    <Section
      id="approvals"
      title="Approvals"
      icon={IconChecks}
      aside={
        <Text size="xs" c="dimmed">
          {release.approvals_needed}
        </Text>
      }
    >
      <Stack gap="md">
        {release.approvals.length === 0 && (
          <Empty small title="Nobody was asked yet">
            Approvals are asked for when the scope is frozen.
          </Empty>
        )}
        {release.approvals.map(approval => (
          <Row key={approval.id} approval={approval} />
        ))}
        <ActionBar
          actions={release.actions}
          only={['approve', 'reject', 'meet_condition']}
          noun="releases"
          id={release.id}
          name={release.name}
        />
      </Stack>
    </Section>
  )
}

function Row({ approval }: { approval: Approval }) {
  const look = looks[approval.decision]
  const Icon = look.icon
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start" data-testid="approval">
      <Avatar name={approval.person?.name} color={approval.person ? 'initials' : 'gray'} size={34} radius="xl" alt="" />
      <Stack gap={3} flex={1} miw={0}>
        <Group gap={8}>
          <Text size="sm" fw={580}>
            {approval.person?.name ?? approval.role}
          </Text>
          {approval.person && (
            <Text size="xs" c="dimmed">
              {approval.role}
            </Text>
          )}
          <Badge color={look.color} variant="light" leftSection={<Icon size={13} />}>
            {approval.decision}
          </Badge>
          {approval.at && (
            <Text size="xs" c="dimmed" component="span">
              <Time at={approval.at} />
            </Text>
          )}
          {approval.position !== null && (
            <Link to={`/ledger/${approval.position}`} className="link small">
              entry {count(approval.position)}
            </Link>
          )}
        </Group>
        {approval.reason && <Text size="sm">{approval.reason}</Text>}
        {approval.condition && (
          <Group gap={8} className="condition">
            <Text size="sm">
              <b>Condition:</b> {approval.condition}
            </Text>
            {approval.condition_status && <StatusBadge status={approval.condition_status} size="sm" />}
          </Group>
        )}
      </Stack>
    </Group>
  )
}
