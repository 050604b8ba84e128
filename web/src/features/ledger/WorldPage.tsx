import { Anchor, Card, Group, SimpleGrid, Slider, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconBox, IconClock, IconRocket, IconWorld } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useSearchParams } from 'react-router'
import { readWorld, readWorldAt, type WorldView } from '~/lib/api/past'
import { count, plural } from '~/lib/format'
import { toInstant } from '~/lib/instants'
import { exact } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { Loading, ProblemView } from '~/parts/States'

/** The world as it was: a position, or the moment that was asked for, is in the address. */
export function WorldPage() {
  const [params, setParams] = useSearchParams()
  const object = params.get('object') ?? ''
  const time = params.get('time')
  const position = params.get('position') === null ? undefined : Number(params.get('position'))
  const world = useQuery({
    queryKey: ['world', position ?? time ?? 'now', object],
    queryFn: () => (time ? readWorldAt(time, object) : readWorld(position, object)),
    placeholderData: keepPreviousData,
  })
  const set = (key: 'position' | 'time' | 'object', value: string) =>
    setParams(
      old => {
        const next = new URLSearchParams(old)
        if (key !== 'object') for (const other of ['position', 'time']) next.delete(other)
        if (value) next.set(key, value)
        else next.delete(key)
        return next
      },
      { replace: true },
    )
  return (
    <>
      <PageHeader
        title="The world at this moment"
        above={
          <Anchor component={Link} to="/ledger" size="sm" c="dimmed">
            Ledger
          </Anchor>
        }
        lead="Folded from the entries up to a position; nothing later is in it"
      />
      {world.data && (
        <Moment
          world={world.data}
          onPosition={it => set('position', String(it))}
          onTime={it => set('time', it)}
          object={object}
          onObject={it => set('object', it)}
        />
      )}
      {world.isError && <ProblemView error={world.error} retry={() => void world.refetch()} />}
      {world.isPending && <Loading rows={8} />}
      {world.data && !world.isError && <Shown world={world.data} />}
    </>
  )
}

function Moment({
  world,
  onPosition,
  onTime,
  object,
  onObject,
}: {
  world: WorldView
  onPosition: (position: number) => void
  onTime: (time: string) => void
  object: string
  onObject: (object: string) => void
}) {
  const [at, setAt] = useState(world.position)
  const [typed, setTyped] = useState(object)
  const later = useDebouncedCallback(onObject, 400)
  useEffect(() => setAt(world.position), [world.position])
  return (
    <Card mb="md">
      <Group align="flex-end" gap="lg" wrap="wrap">
        <Stack gap={4} style={{ flex: '1 1 320px' }}>
          <Text size="sm" fw={550}>
            {count(at)} of {count(world.size)} entries{world.at ? `, the last recorded ${exact(world.at)}` : ''}
          </Text>
          <Slider
            min={0}
            max={world.size}
            value={at}
            onChange={setAt}
            onChangeEnd={onPosition}
            label={it => count(it)}
            thumbLabel="Position in the ledger"
          />
        </Stack>
        <TextInput
          label="Or a moment"
          type="datetime-local"
          step={1}
          onChange={event => {
            const moment = toInstant(event.currentTarget.value)
            if (moment) onTime(moment)
          }}
        />
        <TextInput
          label="One object"
          placeholder="release/2026-11-checkout"
          value={typed}
          onChange={event => {
            setTyped(event.currentTarget.value)
            later(event.currentTarget.value.trim())
          }}
        />
      </Group>
    </Card>
  )
}

function Shown({ world }: { world: WorldView }) {
  return (
    <Stack gap="md">
      {world.object && (
        <Section title="The object as it was" icon={IconClock} flush>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
          <pre className="bytes" tabIndex={0}>
            {JSON.stringify(world.object, null, 2)}
          </pre>
        </Section>
      )}
      <Section title="In figures" icon={IconWorld}>
        <SimpleGrid cols={{ base: 2, sm: 4, md: 6 }}>
          {world.counts.map(it => (
            <Fact key={it.name} label={it.name}>
              {count(it.count)}
            </Fact>
          ))}
          <Fact label="lockdowns in force">{count(world.lockdowns)}</Fact>
        </SimpleGrid>
      </Section>
      <Section title="Open releases" icon={IconRocket} flush>
        <Table>
          <Table.Tbody>
            {world.releases.map(it => (
              <Table.Tr key={it.id}>
                <Table.Td>
                  <Link to={`?position=${world.position}&object=release/${it.name}`} className="link">
                    {it.name}
                  </Link>
                </Table.Td>
                <Table.Td>
                  <StatusBadge status={it.status} size="sm" />
                </Table.Td>
                <Table.Td>{it.sentence}</Table.Td>
              </Table.Tr>
            ))}
            {world.releases.length === 0 && (
              <Table.Tr>
                <Table.Td>No release was open.</Table.Td>
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      </Section>
      <Section title="What ran where" icon={IconBox} flush>
        <Table>
          <Table.Tbody>
            {world.installed.map(it => (
              <Table.Tr key={it.environment.id + it.service.id + it.digest}>
                <Table.Td>{it.environment.name}</Table.Td>
                <Table.Td>{it.service.name}</Table.Td>
                <Table.Td>{it.version}</Table.Td>
                <Table.Td>{plural(it.targets, 'target')}</Table.Td>
              </Table.Tr>
            ))}
            {world.installed.length === 0 && (
              <Table.Tr>
                <Table.Td>Nothing was known to run.</Table.Td>
              </Table.Tr>
            )}
          </Table.Tbody>
        </Table>
      </Section>
    </Stack>
  )
}
