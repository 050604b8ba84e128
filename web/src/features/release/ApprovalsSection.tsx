import { Avatar, Badge, Button, Group, Stack, Text } from '@mantine/core'
import { IconChecks, IconClipboardCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { ChangeExtras } from '~/features/change/ChangeExtras'
import { address } from '~/lib/api/action'
import type { Approval, Change, Condition } from '~/lib/api/change'
import { count, plural } from '~/lib/format'
import { ActionBar } from '~/parts/ActionBar'
import { ActionDialog } from '~/parts/ActionDialog'
import { StatusBadge } from '~/parts/Badges'
import { Fact, Section } from '~/parts/Layout'
import { SignatureLine } from '~/parts/SignatureLine'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

export function ApprovalsSection({ change }: { change: Change | null | undefined }) {
  return (
    <Section
      id="approvals"
      title="Change and approvals"
      icon={IconChecks}
      aside={
        change && (
          <Text size="xs" c="dimmed">
            {change.approvals} of {plural(change.approvals_required, 'approval')}
          </Text>
        )
      }
    >
      {change ? (
        <Decisions change={change} />
      ) : (
        <Empty small title="Nobody was asked yet">
          Approvals are asked for when the release is planned.
        </Empty>
      )}
    </Section>
  )
}

function Decisions({ change }: { change: Change }) {
  const at = address('changes', change.id)
  return (
    <Stack gap="md">
      <Group gap="xl">
        <Fact label="Class">{change.class}</Fact>
        <Fact label="Impact">
          <Badge variant="outline" color={change.impact === 'high' ? 'orange' : 'gray'}>
            {change.impact}
          </Badge>{' '}
          {count(change.impact_detail.users)} users
          {change.impact_detail.data_classes.length > 0 && `, ${change.impact_detail.data_classes.join(', ')} data`}
        </Fact>
        <Fact label="Written by">
          {[...change.authors, ...change.co_authors].map(it => it.name).join(', ') || 'nobody known'}
          {change.unknown_authors > 0 &&
            ` and ${plural(change.unknown_authors, 'unknown address', 'unknown addresses')}`}
        </Fact>
        {change.requested_by && <Fact label="Asked for by">{change.requested_by.name}</Fact>}
      </Group>
      {change.impact_detail.reasons.length > 0 && (
        <Text size="xs" c="dimmed">
          Why {change.impact}: {change.impact_detail.reasons.join('; ')}
        </Text>
      )}
      {change.decisions.map(it => (
        <Row key={`${it.person.id} ${it.at}`} approval={it} />
      ))}
      {change.decisions.length === 0 && (
        <Text size="sm" c="dimmed">
          Nobody has decided yet.
        </Text>
      )}
      {change.conditions.map(it => (
        <ConditionRow key={it.id} condition={it} at={`${at}/conditions/${encodeURIComponent(it.id)}`} />
      ))}
      <ChangeExtras change={change} />
      {!change.status.is_terminal && (
        <ActionBar
          actions={change.actions}
          at={at}
          name={change.name}
          keys
          kind={change.signed ? 'signed' : undefined}
          seen={change.signed ? change.seen : undefined}
        />
      )}
    </Stack>
  )
}

function Row({ approval }: { approval: Approval }) {
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start" data-testid="approval">
      <Avatar name={approval.person.name} color="indigo" size={34} radius="xl" alt="" />
      <Stack gap={3} flex={1} miw={0}>
        <Group gap={8}>
          <Text size="sm" fw={580}>
            {approval.person.name}
          </Text>
          {approval.on_behalf_of && (
            <Text size="xs" c="dimmed">
              for {approval.on_behalf_of.name}
            </Text>
          )}
          <StatusBadge status={approval.status} size="sm" />
          <Text size="xs" c="dimmed" component="span">
            <Time at={approval.at} />
          </Text>
        </Group>
        {approval.reason && <Text size="sm">{approval.reason}</Text>}
        {approval.signature && <SignatureLine signature={approval.signature} />}
      </Stack>
    </Group>
  )
}

function ConditionRow({ condition, at }: { condition: Condition; at: string }) {
  const [meeting, setMeeting] = useState(false)
  return (
    <Group gap={8} className="condition" data-testid="condition">
      <Stack gap={2} flex={1} miw={0}>
        <Text size="sm">
          <b>Condition of {condition.by.name}:</b> {condition.text}
        </Text>
        {condition.evidence && (
          <Text size="xs" c="dimmed">
            Met by {condition.met_by?.name ?? 'somebody'}
            {condition.met_at && (
              <>
                {' '}
                <Time at={condition.met_at} />
              </>
            )}
            : {condition.evidence}
          </Text>
        )}
      </Stack>
      <StatusBadge status={condition.status} size="sm" />
      {!condition.status.is_terminal && (
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<IconClipboardCheck size={14} />}
          onClick={() => setMeeting(true)}
          data-action="meet"
        >
          Meet it
        </Button>
      )}
      {meeting && (
        <ActionDialog
          action={{
            name: 'meet',
            label: 'Meet the condition',
            effect: 'The gate it became opens; what you write stands beside it.',
            needs_reason: false,
          }}
          at={at}
          name={condition.text}
          onClose={() => setMeeting(false)}
        />
      )}
    </Group>
  )
}
