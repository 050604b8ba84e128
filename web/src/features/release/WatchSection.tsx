import { Group, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconEye } from '@tabler/icons-react'
import type { Watch } from '~/lib/api/release'
import { plural } from '~/lib/format'
import { severityColor } from '~/lib/labels'
import { useNow } from '~/lib/now'
import { position } from '~/lib/time'
import { StatusBadge, VerdictBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

export function WatchSection({ watch }: { watch: Watch | null | undefined }) {
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
          The watch begins with the deployment and goes on after the last wave. Without data it never passes.
        </Empty>
      )}
    </Section>
  )
}

function Running({ watch }: { watch: Watch }) {
  const now = useNow(5_000)
  const done = watch.status.is_terminal ? 1 : watch.ends_at ? position(now, watch.started_at, watch.ends_at) : 0
  return (
    <Stack gap="md">
      <div>
        <Progress
          value={done * 100}
          size={6}
          color={severityColor[watch.status.severity]}
          aria-label="Share of the watch done"
        />
        <Group justify="space-between" mt={4}>
          <Text size="xs" c="dimmed" component="span">
            <Time at={watch.started_at} prefix="began" />
          </Text>
          <Text size="xs" c="dimmed">
            {plural(watch.looks, 'look')}, one each {watch.interval_s} s, {watch.usable} with data
          </Text>
          <Text size="xs" c="dimmed" component="span">
            {watch.ended_at ? (
              <Time at={watch.ended_at} prefix="ended" />
            ) : watch.ends_at ? (
              <Time at={watch.ends_at} prefix="ends" />
            ) : (
              'ends after the deployment'
            )}
          </Text>
        </Group>
      </div>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
        {watch.triggers.map(trigger => (
          <div key={trigger.name} className="tile">
            <Group justify="space-between" wrap="nowrap">
              <Text size="sm" fw={550}>
                {trigger.name}
              </Text>
              <VerdictBadge verdict={trigger.fired_at ? 'fail' : watch.verdict ? watch.verdict : 'watching'} />
            </Group>
            <Text size="sm">{trigger.condition}</Text>
            <Text size="xs" c="dimmed">
              {trigger.fired_at ? (
                <>
                  fired <Time at={trigger.fired_at} />
                  {trigger.value != null && ` at ${Number(trigger.value.toPrecision(3))}`}
                </>
              ) : (
                'has not fired'
              )}
            </Text>
          </div>
        ))}
      </SimpleGrid>
    </Stack>
  )
}
