import { Group, Stack, Text } from '@mantine/core'
import { address } from '~/lib/api/action'
import type { Debt } from '~/lib/api/governance'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Fact } from '~/parts/Layout'
import { SignatureLine } from '~/parts/SignatureLine'
import { Time } from '~/parts/Time'

/** What is owed after an emergency, by when, and what has been paid. */
export function DebtFacts({ debt }: { debt: Debt }) {
  return (
    <Stack gap={6} className="effect" data-testid="debt" data-status={debt.status.value}>
      <Group gap="xl">
        <Fact label={debt.cause === 'emergency' ? 'Owed after an emergency' : 'Owed after a broken glass'}>
          <StatusBadge status={debt.status} size="sm" />
        </Fact>
        <Fact label="Approval after the event">
          {debt.ratified ? debt.ratified.agreed ? 'given' : 'objected' : <Time at={debt.ratify_by} prefix="due" />}
        </Fact>
        <Fact label="Review">{debt.review_done ? 'done' : <Time at={debt.review_by} prefix="due" />}</Fact>
        <Fact label="Owners">{debt.owners.join(', ')}</Fact>
      </Group>
      {debt.ratified && (
        <>
          <Text size="sm">{debt.ratified.reason}</Text>
          <SignatureLine signature={debt.ratified.signature} />
        </>
      )}
      <ActionBar
        actions={debt.actions}
        at={address('changes', debt.change.id)}
        name={debt.release.name}
        size="xs"
        seen={debt.seen}
      />
    </Stack>
  )
}
