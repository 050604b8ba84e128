import { Group, SimpleGrid, Text } from '@mantine/core'
import { IconRoute } from '@tabler/icons-react'
import type { Release } from '~/lib/api/release'
import { plural } from '~/lib/format'
import { spanned, zone } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact, Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function PlanSection({ release }: { release: Release }) {
  const { plan, permit, window } = release
  return (
    <Section id="plan" title="Plan" icon={IconRoute}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
        <Fact label="Model">{plan.model}</Fact>
        <Fact label={`Window (${zone()})`}>{window ? spanned(window.start, window.end) : 'not planned yet'}</Fact>
        <Fact label="Environment">{release.environment.name}</Fact>
        <Fact label="Permit">
          {permit ? (
            <Group gap={6}>
              <StatusBadge status={permit.status} size="sm" />
              <Text span size="xs" c="dimmed">
                <Time at={permit.expires_at} prefix={permit.status.is_terminal ? 'ended' : 'expires'} />
              </Text>
              <Id value={permit.id} />
            </Group>
          ) : (
            'issued when every gate is open'
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
              <Text size="xs" c="dimmed">
                {plural(wave.targets, 'target')} · {wave.traffic}
                {wave.bake_minutes > 0 && ` · bakes ${wave.bake_minutes} min`}
              </Text>
            </li>
          ))}
        </ol>
      )}
    </Section>
  )
}
