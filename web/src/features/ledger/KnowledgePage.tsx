import { Anchor, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { IconClock, IconFiles, IconHistory, IconScale, IconUser } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import type { EntryRow } from '~/lib/api/ledger'
import { readKnowledge } from '~/lib/api/past'
import { count, plural } from '~/lib/format'
import { exact } from '~/lib/time'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { Loaded } from '~/parts/States'
import { Rulings } from './RulingsSection'

/** Who knew what when one entry was decided. */
export function KnowledgePage() {
  const { position = '' } = useParams()
  const known = useQuery({ queryKey: ['knowledge', position], queryFn: () => readKnowledge(Number(position)) })
  return (
    <Loaded result={known}>
      {data => (
        <>
          <PageHeader
            title={`What was known at entry ${count(data.entry.position)}`}
            above={
              <Anchor component={Link} to={`/ledger/${position}`} size="sm" c="dimmed">
                Entry {position}
              </Anchor>
            }
            lead={`${data.entry.summary} · ${exact(data.entry.at)}`}
          />
          <Stack gap="md">
            <Section title="Who decided" icon={IconUser}>
              <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
                <Fact label="Account">{data.decider.who.name}</Fact>
                <Fact label="Roles then">{data.decider.roles.join(', ') || 'none'}</Fact>
                <Fact label="Groups then">{data.decider.groups.join(', ') || 'none'}</Fact>
                <Fact label="Could read">{data.decider.may_read}</Fact>
                {data.decider.stands_in_for.length > 0 && (
                  <Fact label="Stood in for">{data.decider.stands_in_for.map(it => it.name).join(', ')}</Fact>
                )}
              </SimpleGrid>
            </Section>
            <Section title="Facts and rulings" icon={IconScale}>
              {data.rulings.length === 0 ? (
                <Text size="sm">It rests on no ruling that it records.</Text>
              ) : (
                <Rulings rulings={data.rulings} />
              )}
            </Section>
            <Section title="Objects as they stood" icon={IconClock}>
              {data.objects.map(it => (
                <details key={it.subject.kind + it.subject.id}>
                  <summary>
                    {it.subject.kind} {it.subject.name}
                  </summary>
                  <pre className="bytes bytes-wrap boxed">
                    {it.state == null ? 'It was not there yet.' : JSON.stringify(it.state, null, 2)}
                  </pre>
                </details>
              ))}
            </Section>
            <Section title={`On record, ${plural(data.documents.length, 'document')}`} icon={IconFiles} flush>
              {data.documents_left_out > 0 && (
                <Text size="xs" c="dimmed" px="md">
                  {count(data.documents_left_out)} older ones are left out.
                </Text>
              )}
              <Table>
                <Table.Tbody>
                  {data.documents.map(it => (
                    <Table.Tr key={it.position}>
                      <Table.Td>
                        <Link to={`/ledger/${it.position}`} className="link">
                          {count(it.position)}
                        </Link>
                      </Table.Td>
                      <Table.Td className="nowrap">{exact(it.at)}</Table.Td>
                      <Table.Td>
                        {it.summary}
                        {it.refers_to.map(one => (
                          <Text key={one.id} size="xs" c="dimmed">
                            {one.kind} {one.id.slice(0, 24)}…{one.there ? '' : ', no longer there'}
                            {one.text && `: ${one.text}`}
                          </Text>
                        ))}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Section>
            <Section title="Recorded only later" icon={IconHistory} flush>
              <Later rows={data.later} />
            </Section>
          </Stack>
        </>
      )}
    </Loaded>
  )
}

function Later({ rows }: { rows: EntryRow[] }) {
  if (rows.length === 0)
    return (
      <Text size="sm" p="md">
        Nothing came later.
      </Text>
    )
  return (
    <Table>
      <Table.Tbody>
        {rows.map(it => (
          <Table.Tr key={it.position}>
            <Table.Td>
              <Link to={`/ledger/${it.position}`} className="link">
                {count(it.position)}
              </Link>
            </Table.Td>
            <Table.Td className="nowrap">{exact(it.at)}</Table.Td>
            <Table.Td>{it.summary}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
