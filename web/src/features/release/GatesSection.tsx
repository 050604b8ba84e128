import { Accordion, Group, Stack, Text } from '@mantine/core'
import { IconBarrierBlock } from '@tabler/icons-react'
import type { Gate } from '~/lib/api/release'
import { shortDigest } from '~/lib/format'
import { VerdictBadge, VerdictIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { Id } from '~/parts/Id'
import { Fact, Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'

/** Every gate with its verdict, why, and what would clear it. Those not open are unfolded. */
export function GatesSection({ gates }: { gates: Gate[] }) {
  const open = gates.filter(gate => gate.verdict === 'pass').length
  const closed = gates.filter(gate => gate.verdict !== 'pass').map(gate => gate.id)
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
      {/* What is closed changes with what people do; unfolding starts afresh with it. */}
      <Accordion
        key={closed.join()}
        multiple
        chevronPosition="right"
        variant="default"
        className="gates"
        defaultValue={closed}
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
                    {gate.ruling.blockers[0]?.message ?? gate.description}
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
  const { ruling } = gate
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {gate.description}
      </Text>
      <Blockers blockers={ruling.blockers} />
      <Group gap="xl">
        {ruling.policies.length > 0 && <Fact label="Decided by">{ruling.policies.join(', ')}</Fact>}
        <Fact label="Policy set">
          <Id value={ruling.policy_set} show={shortDigest(ruling.policy_set)} />
        </Fact>
        <Fact label="Facts">
          <Id value={ruling.facts_digest} show={shortDigest(ruling.facts_digest)} />
        </Fact>
      </Group>
    </Stack>
  )
}
