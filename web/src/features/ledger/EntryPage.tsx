import { ActionIcon, Anchor, Group, SegmentedControl, SimpleGrid, Stack, Text, Tooltip } from '@mantine/core'
import { IconChevronLeft, IconChevronRight, IconCode, IconInfoCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { Link, useParams } from 'react-router'
import { readEntry } from '~/lib/api/ledger'
import { bytes, count } from '~/lib/format'
import { hrefOf } from '~/lib/links'
import { fromBase64 } from '~/lib/merkle'
import { exact } from '~/lib/time'
import { Id } from '~/parts/Id'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { Loaded } from '~/parts/States'
import { hexDump, pretty } from './bytes'
import { ProofSection } from './ProofSection'
import { RulingsSection } from './RulingsSection'

export function EntryPage() {
  const { position = '' } = useParams()
  const entry = useQuery({
    queryKey: ['entry', position],
    queryFn: () => readEntry(Number(position)),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const at = Number(position)
  return (
    <Loaded result={entry}>
      {data => (
        <>
          <PageHeader
            title={`Entry ${count(data.position)}`}
            above={
              <Anchor component={Link} to="/ledger" size="sm" c="dimmed">
                Ledger
              </Anchor>
            }
            lead={data.summary}
            actions={
              <>
                <Tooltip label="The entry before">
                  <ActionIcon
                    component={Link}
                    to={`/ledger/${Math.max(0, at - 1)}`}
                    variant="default"
                    aria-label="The entry before"
                  >
                    <IconChevronLeft size={16} />
                  </ActionIcon>
                </Tooltip>
                <Tooltip label="The entry after">
                  <ActionIcon
                    component={Link}
                    to={`/ledger/${Math.min(data.proof.tree_size - 1, at + 1)}`}
                    variant="default"
                    aria-label="The entry after"
                  >
                    <IconChevronRight size={16} />
                  </ActionIcon>
                </Tooltip>
              </>
            }
          />
          <Stack gap="md">
            <Section title="Facts" icon={IconInfoCircle}>
              <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
                <Fact label="Kind">
                  <Link to={`/ledger?kind=${encodeURIComponent(data.kind)}`} className="link">
                    {data.kind}
                  </Link>
                </Fact>
                <Fact label="When">{exact(data.at)}</Fact>
                <Fact label="Who">{data.actor.name}</Fact>
                <Fact label="About">
                  {data.subjects.length === 0 && 'the system'}
                  <Group gap={6}>
                    {data.subjects.map(it => (
                      <Link key={it.kind + it.id} to={hrefOf(it.kind, it.id, it.name)} className="link">
                        {it.kind} {it.name}
                      </Link>
                    ))}
                  </Group>
                </Fact>
              </SimpleGrid>
            </Section>
            <RulingsSection position={data.position} />
            <ProofSection entry={data} />
            <BytesSection body={data.body} leaf={data.leaf_hash} />
          </Stack>
        </>
      )}
    </Loaded>
  )
}

function BytesSection({ body, leaf }: { body: string; leaf: string }) {
  const [view, setView] = useState('json')
  const raw = useMemo(() => fromBase64(body), [body])
  const text = useMemo(
    () => (view === 'hex' ? hexDump(raw) : view === 'exact' ? new TextDecoder().decode(raw) : pretty(raw)),
    [raw, view],
  )
  return (
    <Section
      title="Stored bytes"
      icon={IconCode}
      flush
      aside={
        <SegmentedControl
          size="xs"
          aria-label="How to show the bytes"
          value={view}
          onChange={setView}
          data={[
            { value: 'json', label: 'Readable' },
            { value: 'exact', label: 'Exact' },
            { value: 'hex', label: 'Hex' },
          ]}
        />
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre className={`bytes ${view === 'exact' ? 'bytes-wrap' : ''}`} tabIndex={0}>
        {text}
      </pre>
      <Group justify="space-between" px="md" py="xs" gap="xs">
        <Text size="xs" c="dimmed">
          {bytes(raw.length)} · these bytes were hashed, nothing derived from them
        </Text>
        <Id value={leaf} show={`leaf ${leaf.slice(0, 16)}…`} />
      </Group>
    </Section>
  )
}
