import { Button, Card, Chip, Group, Select, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconPlus, IconRocket, IconSearch } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { readEnvironments } from '~/lib/api/environment'
import { type ReleaseRow, readReleases } from '~/lib/api/release'
import { modelWords } from '~/lib/labels'
import { spanned } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'

const PlanDialog = lazy(() => import('./PlanDialog').then(module => ({ default: module.PlanDialog })))

const states = [
  ['', 'All'],
  ['open', 'Open'],
  ['draft', 'Draft'],
  ['planned', 'Planned'],
  ['frozen', 'Frozen'],
  ['ready', 'Ready'],
  ['authorised', 'Authorised'],
  ['deploying', 'Deploying'],
  ['stabilising', 'Stabilising'],
  ['closed', 'Closed'],
  ['rolled_back', 'Rolled back'],
] as const

export function Releases() {
  const [params, setParams] = useSearchParams()
  const state = params.get('state') ?? ''
  const q = params.get('q') ?? ''
  const environment = params.get('environment') ?? ''
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
  const environments = useQuery({ queryKey: ['environments', 'list'], queryFn: readEnvironments })
  const releases = useInfiniteQuery({
    queryKey: ['releases', state, q, environment],
    queryFn: ({ pageParam }) => readReleases({ state, q, environment, cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
  })
  const rows = releases.data?.pages.flatMap(page => page.items) ?? []
  const filtered = state !== '' || q !== '' || environment !== ''
  return (
    <>
      <PageHeader
        title="Releases"
        lead="Every release from draft to closed review"
        actions={
          <Button leftSection={<IconPlus size={15} />} onClick={() => set('plan', '1')}>
            Plan a release
          </Button>
        }
      />
      <Group mb="md" gap="sm" className="filters no-print">
        <TextInput
          aria-label="Search releases"
          placeholder="Part of the name"
          leftSection={<IconSearch size={15} />}
          value={typed}
          w={220}
          onChange={event => {
            setTyped(event.currentTarget.value)
            search(event.currentTarget.value)
          }}
        />
        <Select
          aria-label="Environment"
          placeholder="All environments"
          clearable
          w={180}
          data={(environments.data?.items ?? []).map(e => ({ value: e.id, label: e.name }))}
          value={environment || null}
          onChange={value => set('environment', value ?? '')}
        />
        <Chip.Group value={state} onChange={value => set('state', String(value))}>
          <Group gap={6}>
            {states.map(([value, label]) => (
              <Chip key={value} value={value} size="xs" variant="light">
                {label}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Group>
      {releases.isError && <ProblemView error={releases.error} retry={() => void releases.refetch()} />}
      <Card padding={0}>
        {releases.isPending && (
          <div className="pad">
            <Loading rows={6} />
          </div>
        )}
        {releases.isSuccess && rows.length === 0 && (
          <Empty
            title={filtered ? 'No release matches' : 'No release yet'}
            icon={IconRocket}
            command={filtered ? undefined : 'interlock apply -f release.yaml'}
          >
            {filtered
              ? 'Loosen the filter, or search with Ctrl K for any object.'
              : 'Plan the first one here or from your pipeline:'}
          </Empty>
        )}
        {rows.length > 0 && <ReleaseTable rows={rows} />}
      </Card>
      {releases.hasNextPage && (
        <Group justify="center" mt="md">
          <Button variant="default" loading={releases.isFetchingNextPage} onClick={() => void releases.fetchNextPage()}>
            Show older
          </Button>
        </Group>
      )}
      {params.get('plan') && (
        <Suspense>
          <PlanDialog onClose={() => set('plan', '')} />
        </Suspense>
      )}
    </>
  )
}

function ReleaseTable({ rows }: { rows: ReleaseRow[] }) {
  const navigate = useNavigate()
  return (
    <Table.ScrollContainer minWidth={320}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Release</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th visibleFrom="sm">Environment</Table.Th>
            <Table.Th visibleFrom="md">Window</Table.Th>
            <Table.Th visibleFrom="lg">Owner</Table.Th>
            <Table.Th visibleFrom="sm">Changed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(row => (
            <Table.Tr key={row.id} className="row-link" onClick={() => navigate(`/releases/${row.id}`)}>
              <Table.Td>
                <Link to={`/releases/${row.id}`} className="link strong" onClick={event => event.stopPropagation()}>
                  {row.name}
                </Link>
                <Text size="xs" c="dimmed" lineClamp={1} maw={420}>
                  {row.sentence}
                </Text>
              </Table.Td>
              <Table.Td>
                <StatusBadge status={row.status} />
              </Table.Td>
              <Table.Td visibleFrom="sm" className="nowrap">
                {row.environment.name}
                <Text size="xs" c="dimmed">
                  {row.services.join(', ')}
                </Text>
              </Table.Td>
              <Table.Td visibleFrom="md" className="nowrap">
                {row.window ? spanned(row.window.start, row.window.end) : 'none yet'}
                <Text size="xs" c="dimmed">
                  {modelWords(row.model)}
                </Text>
              </Table.Td>
              <Table.Td visibleFrom="lg" className="nowrap">
                {row.owner?.name}
              </Table.Td>
              <Table.Td visibleFrom="sm" className="nowrap">
                <Time at={row.updated_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
