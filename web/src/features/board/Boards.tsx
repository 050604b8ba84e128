import { Card, Group, Stack, Table, Text } from '@mantine/core'
import { IconGavel } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { type Board, readBoards } from '~/lib/api/governance'
import { plural } from '~/lib/format'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Fact, Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Boards() {
  const boards = useQuery({ queryKey: ['boards'], queryFn: readBoards })
  return (
    <Loaded result={boards}>
      {data =>
        data.items.length === 0 ? (
          <Card>
            <Empty
              title="No board yet"
              icon={IconGavel}
              command="interlock board put cab --member LOGIN --member LOGIN --chair LOGIN --quorum 2"
            >
              A board decides together on changes with much at stake, in meetings with a quorum, signed votes and
              minutes.
            </Empty>
          </Card>
        ) : (
          <Stack gap="md">
            {data.items.map(it => (
              <BoardSection key={it.name} board={it} />
            ))}
          </Stack>
        )
      }
    </Loaded>
  )
}

export const ruleWords = (rule: string) =>
  ({ majority: 'more for than against', two_thirds: 'two for each against', unanimous: 'nobody against' })[rule] ?? rule

function BoardSection({ board }: { board: Board }) {
  return (
    <Section
      title={`Board ${board.name}`}
      icon={IconGavel}
      aside={
        <ActionBar actions={board.actions} at={address('boards', board.name)} name={board.name} size="compact-sm" />
      }
    >
      <Stack gap="md">
        <Group gap="xl">
          <Fact label="Members">{board.members.map(it => it.name).join(', ')}</Fact>
          <Fact label="Convened by">{board.chairs.map(it => it.name).join(', ')}</Fact>
          <Fact label="Quorum">{plural(board.quorum, 'independent person', 'independent people')}</Fact>
          <Fact label="Carried by">{ruleWords(board.rule)}</Fact>
        </Group>
        <div>
          <Text size="sm" fw={600} mb={4}>
            Waits for the board
          </Text>
          {board.waiting.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing waits. What its class sends to the board appears here, the most urgent first.
            </Text>
          ) : (
            board.waiting.map(it => (
              <Group key={it.id} gap={8} data-testid="waiting">
                <Link className="link" to={`/releases/${it.release.id}`}>
                  {it.name}
                </Link>
                <Text size="sm">{it.summary}</Text>
                <Text size="xs" c="dimmed">
                  {it.impact} impact
                </Text>
              </Group>
            ))
          )}
        </div>
        {board.meetings.length > 0 && (
          <Table.ScrollContainer minWidth={480}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Meeting</Table.Th>
                  <Table.Th>State</Table.Th>
                  <Table.Th>Decided</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {board.meetings.map(it => (
                  <Table.Tr key={it.id} data-testid="meeting-row">
                    <Table.Td>
                      <Link className="link" to={`/meetings/${it.id}`}>
                        <Time at={it.at} />
                      </Link>
                    </Table.Td>
                    <Table.Td>
                      <StatusBadge status={it.status} size="sm" />
                    </Table.Td>
                    <Table.Td>
                      {it.decided} of {it.items}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Stack>
    </Section>
  )
}
