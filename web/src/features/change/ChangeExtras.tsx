import { Badge, Group, Stack, Text } from '@mantine/core'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import type { Change } from '~/lib/api/change'
import { shortDigest } from '~/lib/format'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact } from '~/parts/Layout'
import { Time } from '~/parts/Time'
import { DebtFacts } from './DebtFacts'
import { GlassCard } from './GlassCard'

/** What the class of a change brings with it: the board, the template, documents, what is owed, broken glasses. */
export function ChangeExtras({ change }: { change: Change }) {
  const { board, debt } = change
  return (
    <Stack gap="sm">
      {(board || change.template) && (
        <Group gap="xl">
          {board && (
            <Fact label={`Board ${board.board}`}>
              <Group gap={6}>
                <StatusBadge status={board.status} size="sm" />
                {board.meeting && (
                  <Link className="link small" to={`/meetings/${board.meeting}`}>
                    the meeting
                  </Link>
                )}
              </Group>
              {board.why.map(why => (
                <Text key={why} size="xs" c="dimmed">
                  {why}
                </Text>
              ))}
            </Fact>
          )}
          {change.template && (
            <Fact label="Template">
              <Link className="link" to="/changes/templates">
                {change.template}
              </Link>
            </Fact>
          )}
        </Group>
      )}
      {(change.documents.length > 0 || change.documents_missing.length > 0) && (
        <Stack gap={4} data-testid="documents">
          <Text size="xs" c="dimmed" fw={500}>
            Documents
          </Text>
          {change.documents.map(it => (
            <Group key={it.kind} gap={8}>
              <Text size="sm" fw={560}>
                {it.kind}
              </Text>
              <Id value={it.digest} show={shortDigest(it.digest)} />
              <Text size="xs" c="dimmed" component="span">
                {it.by.name} <Time at={it.at} />: {it.remark}
              </Text>
            </Group>
          ))}
          {change.documents_missing.map(kind => (
            <Group key={kind} gap={8}>
              <Text size="sm">{kind}</Text>
              <Badge variant="light" color="orange" size="sm">
                missing
              </Badge>
            </Group>
          ))}
        </Stack>
      )}
      {debt && <DebtFacts debt={debt} />}
      {change.glasses.map(it => (
        <GlassCard key={it.id} glass={it} at={address('glasses', it.id)} />
      ))}
    </Stack>
  )
}
