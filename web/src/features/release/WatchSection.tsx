import { Group, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconEye } from '@tabler/icons-react'
import type { Watch } from '~/lib/api/release'
import { useNow } from '~/lib/now'
import { position } from '~/lib/time'
import { StatusBadge, VerdictBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Sparkline } from '~/parts/Sparkline'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

export function WatchSection({ watch }: { watch: Watch | null }) {
  return (
    <Section
      id="watch"
      title="Stabilisation watch"
      icon={IconEye}
      aside={watch && <StatusBadge status={watch.status} size="sm" />}
    >
      {watch ? (
        <Running watch={watch} />
      ) : (
        <Empty small title="Not started">
          The watch starts when the last wave is done, and ends by evidence, not by the clock alone.
        </Empty>
      )}
    </Section>
  )
}

function Running({ watch }: { watch: Watch }) {
  const now = useNow(10_000)
  const done = watch.status.is_terminal ? 1 : position(now, watch.started_at, watch.ends_at)
  return (
    <Stack gap="md">
      <div>
        <Progress
          value={done * 100}
          size={6}
          color={done === 1 ? 'teal' : 'indigo'}
          aria-label="Share of the watch done"
        />
        <Group justify="space-between" mt={4}>
          <Text size="xs" c="dimmed" component="span">
            <Time at={watch.started_at} prefix="began" />
          </Text>
          <Text size="xs" c="dimmed">
            On call: {watch.on_call.name}
          </Text>
          <Text size="xs" c="dimmed" component="span">
            <Time at={watch.ends_at} prefix={watch.status.is_terminal ? 'ended' : 'ends'} />
          </Text>
        </Group>
      </div>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {watch.queries.map(query => (
          <div key={query.id} className="tile">
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm" fw={550}>
                {query.name}
              </Text>
              <VerdictBadge verdict={query.verdict} />
            </Group>
            <Group gap={6} align="baseline">
              <Text size="xl" fw={620} className="number">
                {query.current === null ? 'no data' : query.current}
                {query.current !== null && (
                  <Text span size="sm" c="dimmed">
                    {' '}
                    {query.unit}
                  </Text>
                )}
              </Text>
              <Text size="xs" c="dimmed">
                limit {query.threshold} {query.unit}
              </Text>
            </Group>
            <Sparkline points={query.points.map(([, value]) => value)} line={query.threshold} label={query.name} />
            <code className="expression">{query.expression}</code>
          </div>
        ))}
      </SimpleGrid>
    </Stack>
  )
}
