import { Stack } from '@mantine/core'
import type { CalendarEntry } from '~/lib/api/calendar'
import { exact } from '~/lib/time'
import { Id } from '~/parts/Id'
import { Fact } from '~/parts/Layout'

export function EntryFacts({ entry }: { entry: CalendarEntry }) {
  return (
    <Stack gap="sm">
      <Fact label="From">{exact(entry.start)}</Fact>
      <Fact label="Until">{entry.end ? exact(entry.end) : 'somebody lifts it'}</Fact>
      <Fact label="Environments">{entry.environments.map(e => e.name).join(', ') || 'all'}</Fact>
      {entry.services.length > 0 && <Fact label="Services">{entry.services.map(s => s.name).join(', ')}</Fact>}
      {entry.reason && <Fact label="Reason">{entry.reason}</Fact>}
      {entry.recurrence && (
        <Fact label={`Repeats (${entry.zone ?? 'UTC'})`}>
          <code>{entry.recurrence}</code>
        </Fact>
      )}
      <Fact label="Id">
        <Id value={entry.id} />
      </Fact>
    </Stack>
  )
}
