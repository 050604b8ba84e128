import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconArrowBackUp, IconBell, IconRobot } from '@tabler/icons-react'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import type { RollbackView } from '~/lib/api/release'
import { lasting } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge, VerdictBadge, VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function RollbackSection({ rollback }: { rollback: RollbackView }) {
  const current = rollback.current
  return (
    <Section
      id="rollback"
      title="Rollback"
      icon={IconArrowBackUp}
      aside={current ? <StatusBadge status={current.status} size="sm" /> : <VerdictBadge verdict={rollback.feasible} />}
    >
      <Stack gap="md">
        <Text size="sm">
          {current ? `${current.sentence} Cause: ${current.cause}.` : rollback.sentence}
          {current && (
            <Text span size="sm" c="dimmed">
              {' '}
              Started <Time at={current.started_at} />
              {current.ended_at &&
                `, took ${lasting(new Date(current.ended_at).getTime() - new Date(current.started_at).getTime())}`}
              .{' '}
              {current.deployment && (
                <Link to={`/deployments/${current.deployment.id}`} className="link">
                  Its deployment
                </Link>
              )}
            </Text>
          )}
        </Text>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Triggers triggers={rollback.triggers} />
          <Stack gap={8}>
            <Text size="xs" fw={600} c="dimmed">
              Counts as successful when
            </Text>
            {current
              ? current.criteria.map(criterion => (
                  <Group key={criterion.name} gap={8} wrap="nowrap" align="flex-start" data-testid="criterion">
                    <VerdictIcon verdict={criterion.verdict ?? 'watching'} size={17} />
                    <div>
                      <Text size="sm">
                        {criterion.name}
                        <span className="visually-hidden">: {criterion.verdict ?? 'not checked yet'}</span>
                      </Text>
                      <Text size="xs" c="dimmed">
                        {criterion.detail || criterion.asks}
                      </Text>
                    </div>
                  </Group>
                ))
              : rollback.criteria.map(text => (
                  <Text key={text} size="sm">
                    {text}
                  </Text>
                ))}
            {rollback.criteria.length === 0 && !current && (
              <Text size="sm" c="dimmed">
                No criterion yet: then a rollback is never known to have worked.
              </Text>
            )}
          </Stack>
        </SimpleGrid>
        {current && !current.status.is_terminal && (
          <ActionBar actions={current.actions} at={address('rollbacks', current.id)} name={current.name} fold />
        )}
      </Stack>
    </Section>
  )
}

function Triggers({ triggers }: { triggers: RollbackView['triggers'] }) {
  return (
    <Stack gap={8}>
      <Text size="xs" fw={600} c="dimmed">
        Triggers
      </Text>
      {triggers.length === 0 && (
        <Text size="sm" c="dimmed">
          None; only a person or the canary takes it back.
        </Text>
      )}
      {triggers.map(trigger => (
        <div key={trigger.name}>
          <Group gap={8}>
            <Text size="sm" fw={550}>
              {trigger.name}
            </Text>
            <Badge
              size="sm"
              variant="outline"
              color="gray"
              leftSection={trigger.action === 'rollback' ? <IconRobot size={12} /> : <IconBell size={12} />}
            >
              {trigger.action === 'rollback' ? 'by itself' : 'tells its owner'}
            </Badge>
            {trigger.fired_at && (
              <Badge size="sm" color="red" variant="light">
                fired <Time at={trigger.fired_at} />
              </Badge>
            )}
          </Group>
          <Text size="xs" c="dimmed">
            {trigger.condition} · {trigger.owner?.name ?? 'nobody'}, deputy {trigger.deputy?.name ?? 'nobody'}
          </Text>
        </div>
      ))}
    </Stack>
  )
}
