import { Alert, Group, Stack, Text } from '@mantine/core'
import { IconHammer } from '@tabler/icons-react'
import type { Glass } from '~/lib/api/governance'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Time } from '~/parts/Time'

/** A broken glass: loud, since everybody should know. */
export function GlassCard({ glass, at, release }: { glass: Glass; at: string; release?: boolean }) {
  return (
    <Alert
      color={glass.status.is_terminal ? 'gray' : 'red'}
      icon={<IconHammer size={18} />}
      title={`The glass was broken${release ? ` for ${glass.release.name}` : ''}: ${glass.gates.join(', ')}`}
      data-testid="glass"
      data-status={glass.status.value}
    >
      <Stack gap={6}>
        <Text size="sm">{glass.reason}</Text>
        <Group gap={8}>
          <StatusBadge status={glass.status} size="sm" />
          <Text size="xs" component="span">
            by {glass.broken_by.name} <Time at={glass.broken_at} />
            {glass.confirmed_by ? `, confirmed by ${glass.confirmed_by.name}` : ', nobody has confirmed it'}
            {glass.until && (
              <>
                , <Time at={glass.until} prefix="until" />
              </>
            )}
          </Text>
        </Group>
        <ActionBar actions={glass.actions} at={at} name={glass.release.name} size="xs" kind="glass" />
      </Stack>
    </Alert>
  )
}
