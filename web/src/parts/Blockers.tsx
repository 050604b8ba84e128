import { Group, Stack, Text } from '@mantine/core'
import { IconHandStop, IconUser } from '@tabler/icons-react'
import type { Blocker } from '~/lib/api/core'
import { listed } from '~/lib/format'
import { Time } from './Time'

/** The one way a refusal looks, wherever it comes from: what stands in the way, what clears it, who can, by when. */
export function Blockers({ blockers, compact = false }: { blockers: Blocker[]; compact?: boolean }) {
  if (blockers.length === 0) return null
  return (
    <Stack gap={compact ? 6 : 8} component="ul" className="blockers" data-testid="blockers">
      {blockers.map(blocker => (
        <li key={blocker.code + blocker.message} className="blocker">
          <IconHandStop size={16} aria-hidden className="blocker-icon" />
          <div className="blocker-body">
            <Text size="sm" fw={550}>
              {blocker.message}
            </Text>
            {blocker.clears && (
              <Text size="sm" c="dimmed">
                {blocker.clears}
              </Text>
            )}
            <Group gap="xs" mt={2}>
              {blocker.who.length > 0 && (
                <Text size="xs" c="dimmed" className="inline">
                  <IconUser size={12} aria-hidden /> {listed(blocker.who)}
                </Text>
              )}
              {blocker.by && (
                <Text size="xs" c="dimmed" component="span">
                  <Time at={blocker.by} prefix="needed" />
                </Text>
              )}
              {!compact && <code className="code-chip">{blocker.code}</code>}
            </Group>
          </div>
        </li>
      ))}
    </Stack>
  )
}
