import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconArrowBackUp, IconHandClick, IconRobot } from '@tabler/icons-react'
import type { Rollback } from '~/lib/api/release'
import { lasting } from '~/lib/time'
import { StatusBadge, VerdictBadge, VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function RollbackSection({ rollback }: { rollback: Rollback }) {
  return (
    <Section
      id="rollback"
      title="Rollback"
      icon={IconArrowBackUp}
      aside={
        rollback.status ? (
          <StatusBadge status={rollback.status} size="sm" />
        ) : (
          <VerdictBadge verdict={rollback.feasible} />
        )
      }
    >
      <Stack gap="md">
        <Text size="sm">
          {rollback.sentence}
          {rollback.started_at && (
            <Text span size="sm" c="dimmed">
              {' '}
              Started <Time at={rollback.started_at} />
              {rollback.ended_at &&
                `, took ${lasting(new Date(rollback.ended_at).getTime() - new Date(rollback.started_at).getTime())}`}
              .
            </Text>
          )}
        </Text>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Stack gap={8}>
            <Text size="xs" fw={600} c="dimmed">
              Triggers
            </Text>
            {rollback.triggers.map(trigger => (
              <div key={trigger.id}>
                <Group gap={8}>
                  <Text size="sm" fw={550}>
                    {trigger.name}
                  </Text>
                  <Badge
                    size="sm"
                    variant="outline"
                    color="gray"
                    leftSection={trigger.automatic ? <IconRobot size={12} /> : <IconHandClick size={12} />}
                  >
                    {trigger.automatic ? 'by itself' : 'by hand'}
                  </Badge>
                  {trigger.fired_at && (
                    <Badge size="sm" color="red" variant="light">
                      fired <Time at={trigger.fired_at} />
                    </Badge>
                  )}
                </Group>
                <Text size="xs" c="dimmed">
                  {trigger.condition} · {trigger.owner.name}, deputy {trigger.deputy.name}
                </Text>
              </div>
            ))}
          </Stack>
          <Stack gap={8}>
            <Text size="xs" fw={600} c="dimmed">
              Counts as successful when
            </Text>
            {rollback.criteria.map(criterion => (
              <Group key={criterion.id} gap={8} wrap="nowrap" align="flex-start">
                <VerdictIcon verdict={criterion.verdict} size={17} />
                <div>
                  <Text size="sm">{criterion.name}</Text>
                  <Text size="xs" c="dimmed">
                    {criterion.detail}
                  </Text>
                </div>
              </Group>
            ))}
          </Stack>
        </SimpleGrid>
      </Stack>
    </Section>
  )
}
