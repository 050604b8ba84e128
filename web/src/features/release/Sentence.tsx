import { Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Release, readExplanation } from '~/lib/api/release'
import { severityColor } from '~/lib/labels'
import { SeverityIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'

/** The state in one sentence, what comes next, and everything that stands in its way. */
export function Sentence({ release }: { release: Release }) {
  const why = useQuery({
    queryKey: ['release', release.id, 'explain'],
    queryFn: () => readExplanation(release.id),
  })
  return (
    <div
      className="sentence"
      style={{ '--sentence-color': `var(--mantine-color-${severityColor[release.status.severity]}-outline)` } as object}
      aria-live="polite"
      data-testid="sentence"
      data-state={release.status.value}
    >
      <SeverityIcon severity={release.status.severity} size={22} />
      <Stack gap="sm" flex={1} miw={0}>
        <div>
          <Text fw={560} size="md">
            {release.sentence}
          </Text>
          {why.data?.next && (
            <Text size="sm" c="dimmed">
              {why.data.next}
            </Text>
          )}
        </div>
        {why.data && !release.status.is_terminal && <Blockers blockers={why.data.blockers} compact />}
      </Stack>
    </div>
  )
}
