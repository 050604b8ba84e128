import { Anchor, Button, Card, Group, Menu, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconDownload, IconNotebook } from '@tabler/icons-react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { type ActivityFilter, type Activity as Done, exportAddress, readActivity } from '~/lib/api/activity'
import { count } from '~/lib/format'
import { toInstant } from '~/lib/instants'
import { hrefOf } from '~/lib/links'
import { SeverityIcon } from '~/parts/Badges'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'

const fields = [
  { key: 'q', label: 'Words' },
  { key: 'actor', label: 'Person', hint: 'login, runner:name, system' },
  { key: 'change', label: 'Change', hint: 'chg_…' },
  { key: 'release', label: 'Release' },
  { key: 'environment', label: 'Environment' },
  { key: 'target', label: 'Target' },
  { key: 'kind', label: 'Kind', hint: 'deployment.started' },
] as const

/** Who did what, from where, when, under which change. The filters are in the address, so a view can be handed on. */
export function Activity() {
  const [params, setParams] = useSearchParams()
  const set = (key: string, value: string) =>
    setParams(
      old => {
        const next = new URLSearchParams(old)
        if (value.trim()) next.set(key, value.trim())
        else next.delete(key)
        return next
      },
      { replace: true },
    )
  const filter: ActivityFilter = Object.fromEntries(params)
  const found = useInfiniteQuery({
    queryKey: ['activity', filter],
    queryFn: ({ pageParam }) => readActivity({ ...filter, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
    placeholderData: keepPreviousData,
  })
  const rows = found.data?.pages.flatMap(page => page.items) ?? []
  return (
    <>
      <PageHeader
        title="Activity"
        above={
          <Anchor component={Link} to="/ledger" size="sm" c="dimmed">
            Ledger
          </Anchor>
        }
        lead="Who did what, from where, when, under which change, on which targets"
        actions={
          <Menu>
            <Menu.Target>
              <Button variant="default" leftSection={<IconDownload size={15} />}>
                Export
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>Oldest first, at most 10,000 entries, without names</Menu.Label>
              {(['csv', 'jsonl', 'cef'] as const).map(form => (
                <Menu.Item key={form} component="a" href={exportAddress(filter, form)} download={`activity.${form}`}>
                  {form.toUpperCase()}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        }
      />
      <Group mb="md" gap="sm" align="flex-end" className="filters no-print">
        {fields.map(field => (
          <Typed
            key={field.key}
            label={field.label}
            hint={'hint' in field ? field.hint : undefined}
            value={params.get(field.key) ?? ''}
            onChange={value => set(field.key, value)}
          />
        ))}
        {(['from', 'to'] as const).map(key => (
          <TextInput
            key={key}
            label={key === 'from' ? 'From' : 'To'}
            type="datetime-local"
            w={190}
            onChange={event => set(key, toInstant(event.currentTarget.value) ?? '')}
          />
        ))}
        {params.size > 0 && (
          <Button variant="subtle" color="gray" onClick={() => setParams({}, { replace: true })}>
            Clear
          </Button>
        )}
      </Group>
      {found.isError && <ProblemView error={found.error} retry={() => void found.refetch()} />}
      <Card padding={0}>
        {found.isPending && (
          <div className="pad">
            <Loading rows={8} />
          </div>
        )}
        {found.isSuccess && rows.length === 0 && (
          <Empty title="Nothing matches" icon={IconNotebook}>
            Loosen a filter, or look further back.
          </Empty>
        )}
        {rows.length > 0 && <Rows rows={rows} />}
      </Card>
      {found.hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            Show older
          </Button>
        </Group>
      )}
    </>
  )
}

function Typed(props: { label: string; hint?: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(props.value)
  const later = useDebouncedCallback(props.onChange, 250)
  return (
    <TextInput
      label={props.label}
      placeholder={props.hint}
      w={150}
      value={typed}
      onChange={event => {
        setTyped(event.currentTarget.value)
        later(event.currentTarget.value)
      }}
    />
  )
}

function Rows({ rows }: { rows: Done[] }) {
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={90}>Position</Table.Th>
            <Table.Th>When</Table.Th>
            <Table.Th>Who, from where</Table.Th>
            <Table.Th>What</Table.Th>
            <Table.Th>Under</Table.Th>
            <Table.Th>Where</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(row => (
            <Table.Tr key={row.position}>
              <Table.Td className="number">
                <Link to={`/ledger/${row.position}`} className="link">
                  {count(row.position)}
                </Link>
              </Table.Td>
              <Table.Td className="nowrap">
                <Time at={row.at} />
              </Table.Td>
              <Table.Td>
                <Text size="sm">{row.actor.name}</Text>
                {row.origin && (
                  <Text size="xs" c="dimmed">
                    {[row.origin.address, row.origin.agent].filter(Boolean).join(' · ')}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <Group gap={8} wrap="nowrap">
                  <SeverityIcon severity={row.severity} size={15} />
                  <Text size="sm">{row.summary}</Text>
                </Group>
                {row.evidence.map(digest => (
                  <Anchor key={digest} href={`/api/v1/blobs/${digest}`} size="xs" mr="xs" download>
                    evidence {digest.slice(7, 19)}…
                  </Anchor>
                ))}
              </Table.Td>
              <Table.Td>
                {row.change && (
                  <Link to={hrefOf('change', row.change.id, row.change.name)} className="link">
                    {row.change.name}
                  </Link>
                )}
              </Table.Td>
              <Table.Td>
                <Text size="sm">{row.environment}</Text>
                <Text size="xs" c="dimmed">
                  {row.targets.join(', ')}
                </Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
