import { Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconScale } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import type { Arm, Canary } from '~/lib/api/deployment'
import { count, plural, rate, ratio } from '~/lib/format'
import { VerdictBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'
import { EffectChart } from './EffectChart'
import { EvidenceMeter } from './EvidenceMeter'
import { Indicators } from './Indicators'

export function CanarySection({ canary }: { canary: UseQueryResult<Canary> }) {
  return (
    <Section
      id="canary"
      title="Canary"
      icon={IconScale}
      aside={canary.data && <VerdictBadge verdict={canary.data.verdict} />}
    >
      {canary.isPending && <Loading rows={3} />}
      {canary.isError && <ProblemView error={canary.error} retry={() => void canary.refetch()} />}
      {canary.data && <Picture canary={canary.data} />}
    </Section>
  )
}

function Picture({ canary }: { canary: Canary }) {
  const last = canary.looks.at(-1)
  return (
    <Stack gap="lg">
      <Text size="sm">{canary.sentence}</Text>
      <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
        <ArmTile label="New version" arm={canary.arms.canary} />
        <ArmTile label="Old version" arm={canary.arms.baseline} />
        <Tile
          label="Effect on bad requests"
          value={last ? ratio(last.effect) : 'none yet'}
          note={last ? `95 % sure: ${ratio(last.low)} to ${ratio(last.high)}` : 'waits for the first look'}
        />
        <Tile
          label="Excess bad requests so far"
          value={count(Math.round(canary.excess_bad.value))}
          note={`between ${count(Math.round(canary.excess_bad.low))} and ${count(Math.round(canary.excess_bad.high))}`}
        />
      </SimpleGrid>
      {canary.looks.length > 0 ? (
        <EffectChart canary={canary} />
      ) : (
        <Empty small title="No look yet">
          The first comes {canary.interval_seconds} s after both versions take traffic.
        </Empty>
      )}
      <EvidenceMeter canary={canary} />
      <Indicators indicators={canary.indicators} tolerance={canary.tolerance} harm={canary.harm} />
      <Group gap="xl" align="flex-start">
        <div>
          <Text size="xs" fw={600} c="dimmed">
            If the new version were worse, one would know
          </Text>
          <Group gap="md" mt={4}>
            {canary.forecast.map(item => (
              <Text key={item.factor} size="sm">
                <b>×{item.factor}</b>{' '}
                {item.minutes === null ? 'not within the horizon' : `in about ${Math.round(item.minutes)} min`}
              </Text>
            ))}
          </Group>
        </div>
        <Text size="xs" c="dimmed" component="span" className="push-right">
          {plural(canary.looks.length, 'look')}, one each {canary.interval_seconds} s ·{' '}
          {canary.ended_at ? (
            <Time at={canary.ended_at} prefix="ended" />
          ) : (
            <Time at={canary.horizon_at} prefix="decides at the latest" />
          )}
        </Text>
      </Group>
    </Stack>
  )
}

function Tile({ label, value, note }: { label: string; value: string; note: string }) {
  return (
    <div className="tile">
      <Text size="xs" c="dimmed" fw={500}>
        {label}
      </Text>
      <Text size="xl" fw={640} className="number">
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {note}
      </Text>
    </div>
  )
}

const ArmTile = ({ label, arm }: { label: string; arm: Arm }) => (
  <Tile
    label={`${label}, ${arm.version}`}
    value={`${rate(arm.bad, arm.requests)}`}
    note={`bad: ${count(arm.bad)} of ${count(arm.requests)} on ${plural(arm.instances, 'instance')}`}
  />
)
