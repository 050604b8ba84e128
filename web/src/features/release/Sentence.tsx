import { Stack, Text } from '@mantine/core'
import type { Release } from '~/lib/api/release'
import { severityColor } from '~/lib/labels'
import { SeverityIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'

/** The state in one sentence, and everything that stands in the way of the next step. */
export function Sentence({ release }: { release: Release }) {
  const blockers = release.gates.filter(gate => gate.verdict !== 'pass').flatMap(gate => gate.blockers)
  return (
    <div
      className="sentence"
      style={{ '--sentence-color': `var(--mantine-color-${severityColor[release.status.severity]}-outline)` } as object}
      aria-live="polite"
      data-testid="sentence"
    >
      <SeverityIcon severity={release.status.severity} size={22} />
      <Stack gap="sm" flex={1} miw={0}>
        <Text fw={560} size="md">
          {release.sentence}
        </Text>
        {!release.status.is_terminal && <Blockers blockers={blockers} compact />}
      </Stack>
    </div>
  )
}
