import { Badge, Button, Card, Group, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconNotebook, IconSearch, IconX } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { type EntryRow, readEntries } from '~/lib/api/ledger'
import { count } from '~/lib/format'
import { hrefOf } from '~/lib/links'
import { useLive } from '~/lib/live'
import { SeverityIcon } from '~/parts/Badges'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'
import { PackButton } from './PackButton'
import { WitnessesSection } from './WitnessesSection'

export function Ledger() {
  const [params, setParams] = useSearchParams()
  const { position } = useLive()
  const navigate = useNavigate()
  const q = params.get('q') ?? ''
  const kind = params.get('kind') ?? ''
  const subject = params.get('subject') ?? ''
  const actor = params.get('actor') ?? ''
  const [typed, setTyped] = useState(q)
  const set = (key: string, value: string) =>
    setParams(
      old => {
        const next = new URLSearchParams(old)
        if (value) next.set(key, value)
        else next.delete(key)
        return next
      },
      { replace: true },
    )
  const search = useDebouncedCallback((value: string) => set('q', value), 200)
  const entries = useInfiniteQuery({
    queryKey: ['ledger', q, kind, subject, actor],
    queryFn: ({ pageParam }) => readEntries({ q, kind, subject, actor, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
    placeholderData: keepPreviousData,
  })
  const rows = entries.data?.pages.flatMap(page => page.items) ?? []
  return (
    <>
      <PageHeader
        title="Ledger"
        lead={`Everything that happened, in one order, and provable${position ? `; now at position ${count(position)}` : ''}`}
        actions={
          <>
            <PackButton name="evidence" />
            <Button component={Link} to="/activity" variant="default" size="sm">
              Activity
            </Button>
            <Button component={Link} to="/ledger/world" variant="default" size="sm">
              The world at a moment
            </Button>
          </>
        }
      />
      <WitnessesSection />
      <Group mb="md" gap="sm" className="filters no-print">
        <TextInput
          aria-label="Search the ledger"
          placeholder="Words, or a position and Enter"
          leftSection={<IconSearch size={15} />}
          w={320}
          value={typed}
          onChange={event => {
            setTyped(event.currentTarget.value)
            // A number is a position: Enter goes there, nothing is searched.
            if (!/^\d+$/.test(event.currentTarget.value.trim())) search(event.currentTarget.value)
          }}
          onKeyDown={event => {
            if (event.key === 'Enter' && /^\d+$/.test(typed.trim())) navigate(`/ledger/${typed.trim()}`)
          }}
        />
        {(['kind', 'subject', 'actor'] as const).map(
          key =>
            params.get(key) && (
              <Badge
                key={key}
                size="lg"
                variant="light"
                rightSection={
                  <button
                    type="button"
                    className="clear"
                    onClick={() => set(key, '')}
                    aria-label={`Clear the ${key} filter`}
                  >
                    <IconX size={12} />
                  </button>
                }
              >
                {key}: {params.get(key)}
              </Badge>
            ),
        )}
      </Group>
      {entries.isError && <ProblemView error={entries.error} retry={() => void entries.refetch()} />}
      <Card padding={0}>
        {entries.isPending && (
          <div className="pad">
            <Loading rows={8} />
          </div>
        )}
        {entries.isSuccess && rows.length === 0 && (
          <Empty title="No entry matches" icon={IconNotebook}>
            Search by words of the sentence, or type a position and press Enter.
          </Empty>
        )}
        {rows.length > 0 && <Entries rows={rows} onKind={value => set('kind', value)} />}
      </Card>
      {entries.hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            Show older
          </Button>
        </Group>
      )}
    </>
  )
}

function Entries({ rows, onKind }: { rows: EntryRow[]; onKind: (kind: string) => void }) {
  const navigate = useNavigate()
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={90}>Position</Table.Th>
            <Table.Th>What happened</Table.Th>
            <Table.Th>Kind</Table.Th>
            <Table.Th>Who</Table.Th>
            <Table.Th>When</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(row => (
            <Table.Tr key={row.position} className="row-link" onClick={() => navigate(`/ledger/${row.position}`)}>
              <Table.Td className="number">
                <Link to={`/ledger/${row.position}`} className="link" onClick={event => event.stopPropagation()}>
                  {count(row.position)}
                </Link>
              </Table.Td>
              <Table.Td>
                <Group gap={8} wrap="nowrap">
                  <SeverityIcon severity={row.severity} size={15} />
                  <div>
                    <Text size="sm">{row.summary}</Text>
                    <Group gap={8}>
                      {row.subjects.slice(0, 3).map(it => (
                        <Link
                          key={it.kind + it.id}
                          to={hrefOf(it.kind, it.id, it.name)}
                          className="link small"
                          onClick={event => event.stopPropagation()}
                        >
                          {it.name}
                        </Link>
                      ))}
                    </Group>
                  </div>
                </Group>
              </Table.Td>
              <Table.Td>
                <button
                  type="button"
                  className="code-chip clickable"
                  onClick={event => {
                    event.stopPropagation()
                    onKind(row.kind)
                  }}
                >
                  {row.kind}
                </button>
              </Table.Td>
              <Table.Td className="nowrap">{row.actor.name}</Table.Td>
              <Table.Td className="nowrap">
                <Time at={row.at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
