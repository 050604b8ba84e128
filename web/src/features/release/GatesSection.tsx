import { Accordion, Group, Stack, Text } from '@mantine/core'
import { IconBarrierBlock } from '@tabler/icons-react'
import { Link } from 'react-router'
import type { Gate } from '~/lib/api/release'
import { count, shortDigest } from '~/lib/format'
import { VerdictBadge, VerdictIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { Id } from '~/parts/Id'
import { Fact, Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

/** Every gate with its verdict, why, and what would clear it. Those not open are unfolded. */
export function GatesSection({ gates }: { gates: Gate[] }) {
  const open = gates.filter(gate => gate.verdict === 'pass').length
  return (
    <Section
      id="gates"
      title="Gates"
      icon={IconBarrierBlock}
      flush
      aside={
        gates.length > 0 && (
          <Text size="xs" c="dimmed">
            {open} of {gates.length} pass
          </Text>
        )
      }
    >
      {gates.length === 0 && (
        <Empty small title="No gate yet">
          Gates appear when the release is planned: policy decides which.
        </Empty>
      )}
      <Accordion
        multiple
        chevronPosition="right"
        variant="default"
        className="gates"
        defaultValue={gates.filter(gate => gate.verdict !== 'pass').map(gate => gate.id)}
      >
        {gates.map(gate => (
          <Accordion.Item key={gate.id} value={gate.id} data-testid="gate" data-verdict={gate.verdict}>
            <Accordion.Control icon={<VerdictIcon verdict={gate.verdict} />}>
              <Group justify="space-between" wrap="nowrap" gap="sm">
                <div className="min0">
                  <Text size="sm" fw={560}>
                    {gate.name}
                  </Text>
                  <Text size="xs" c="dimmed" lineClamp={1}>
                    {gate.reasons[0] ?? gate.description}
                  </Text>
                </div>
                <VerdictBadge verdict={gate.verdict} />
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <GateBody gate={gate} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Section>
  )
}

function GateBody({ gate }: { gate: Gate }) {
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {gate.description}
      </Text>
      <Blockers blockers={gate.blockers} />
      {gate.reasons.length > 0 && (
        <ul className="reasons">
          {gate.reasons.map(reason => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <Group gap="xl">
        {gate.evidence.map(evidence => (
          <Fact key={evidence.digest} label={`Evidence: ${evidence.name}`}>
            <Group gap={6}>
              <Id value={evidence.digest} show={shortDigest(evidence.digest)} />
              <Text span size="xs" c="dimmed">
                <Time at={evidence.attached_at} />
              </Text>
            </Group>
          </Fact>
        ))}
        {gate.due_at && gate.verdict !== 'pass' && (
          <Fact label="Needed">
            <Time at={gate.due_at} />
          </Fact>
        )}
        {gate.decided_at && (
          <Fact label="Decided">
            <Time at={gate.decided_at} />
            {gate.position !== null && (
              <>
                {' · '}
                <Link to={`/ledger/${gate.position}`} className="link">
                  entry {count(gate.position)}
                </Link>
              </>
            )}
          </Fact>
        )}
        <Fact label="Policy set">
          <Id value={gate.policy_digest} show={shortDigest(gate.policy_digest)} />
        </Fact>
        <Fact label="Facts">
          <Id value={gate.facts_digest} show={shortDigest(gate.facts_digest)} />
        </Fact>
      </Group>
    </Stack>
  )
}
