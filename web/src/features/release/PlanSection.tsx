import { Group, SimpleGrid, Text } from '@mantine/core'
import { IconRoute } from '@tabler/icons-react'
import type { Release } from '~/lib/api/release'
import { plural } from '~/lib/format'
import { modelWords } from '~/lib/labels'
import { lasting, spanned, zone } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact, Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function PlanSection({ release }: { release: Release }) {
  const { plan, permit, window } = release
  return (
    <Section id="plan" title="Plan" icon={IconRoute}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
        <Fact label="Model">{modelWords(plan.model)}</Fact>
        <Fact label={`Window (${zone()})`}>
          {window ? spanned(window.start, window.end) : `needs ${lasting(plan.length_s * 1000)}, not planned yet`}
        </Fact>
        <Fact label="Pipeline">{release.spec.pipeline}</Fact>
        <Fact label="Permit">
          {permit ? (
            <Group gap={6}>
              <StatusBadge status={permit.status} size="sm" />
              <Text span size="xs" c="dimmed">
                <Time at={permit.not_after} prefix={permit.status.is_terminal ? 'ended' : 'good until'} />
              </Text>
              <Id value={permit.id} show={`${permit.id.slice(0, 12)}…`} />
            </Group>
          ) : (
            'issued when it is authorised'
          )}
        </Fact>
      </SimpleGrid>
      {plan.waves.length > 0 && (
        <ol className="waves-plan" aria-label="Waves">
          {plan.waves.map(wave => (
            <li key={wave.name} className="wave-plan">
              <Text size="sm" fw={560}>
                {wave.name}
              </Text>
              <Text size="xs" c="dimmed" title={wave.targets.join(', ')}>
                {plural(wave.targets.length, 'target')}
                {wave.weight != null && ` · weight ${wave.weight}`}
                {wave.canary && ' · judged by canary'}
                {wave.bake_s > 0 && ` · bakes ${lasting(wave.bake_s * 1000)}`}
              </Text>
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}
