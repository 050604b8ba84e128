import { Badge, Card, Group, SegmentedControl, Select, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core'
import { IconChartHistogram } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useSearchParams } from 'react-router'
import { type Figure, type FigureKey, readDora } from '~/lib/api/metrics'
import { readServices } from '~/lib/api/service'
import { plural } from '~/lib/format'
import { severityColor } from '~/lib/labels'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { FigureChart } from './FigureChart'
import { Observations } from './Observations'

const spans = { '30': '30 days', '90': '90 days', '365': 'a year' }

/** The four DORA figures with their intervals; each opens the ledger entries it was counted from. */
export function Metrics() {
  const [params, setParams] = useSearchParams()
  const span = params.get('span') ?? '90'
  const service = params.get('service') ?? ''
  const figure = params.get('figure') as FigureKey | null
  const filter = useMemo(() => {
    const to = new Date()
    to.setUTCMinutes(0, 0, 0)
    return { from: new Date(to.getTime() - Number(span) * 86_400_000).toISOString(), to: to.toISOString(), service }
  }, [span, service])
  const dora = useQuery({
    queryKey: ['metrics', filter],
    queryFn: () => readDora(filter),
    placeholderData: keepPreviousData,
  })
  const services = useQuery({ queryKey: ['services'], queryFn: readServices })
  const set = (key: string, value: string | null) =>
    setParams(
      old => {
        const next = new URLSearchParams(old)
        if (value) next.set(key, value)
        else next.delete(key)
        return next
      },
      { replace: true },
    )
  return (
    <>
      <PageHeader
        title="Metrics"
        lead={
          dora.data
            ? `Counted from the ledger. Each figure with its ${Math.round(dora.data.confidence * 100)} % interval; few observations make it wide.`
            : 'Counted from the ledger'
        }
        actions={
          <>
            <Select
              aria-label="Service"
              placeholder="All services"
              clearable
              w={180}
              data={(services.data?.items ?? []).filter(s => !s.third_party).map(s => ({ value: s.id, label: s.name }))}
              value={service || null}
              onChange={value => set('service', value)}
            />
            <SegmentedControl
              aria-label="Time span"
              value={span}
              onChange={value => set('span', value)}
              data={Object.entries(spans).map(([value, label]) => ({ value, label }))}
            />
          </>
        }
      />
      <Loaded result={dora}>
        {data =>
          data.figures.every(f => f.sample === 0) ? (
            <Card>
              <Empty title="Nothing to count yet" icon={IconChartHistogram} command="interlock release plan --help">
                The figures appear with the first finished deployment to a production-like environment.
              </Empty>
            </Card>
          ) : (
            <Stack gap="md">
              <SimpleGrid cols={{ base: 1, sm: 2, xl: 4 }}>
                {data.figures.map(item => (
                  <FigureCard
                    key={item.key}
                    figure={item}
                    open={figure === item.key}
                    onOpen={() => set('figure', figure === item.key ? null : item.key)}
                  />
                ))}
              </SimpleGrid>
              {figure && <Observations figure={data.figures.find(f => f.key === figure)!} filter={filter} />}
            </Stack>
          )
        }
      </Loaded>
    </>
  )
}

function FigureCard({ figure, open, onOpen }: { figure: Figure; open: boolean; onOpen: () => void }) {
  return (
    <Card className={`figure-card ${open ? 'figure-open' : ''}`} padding={0}>
      <UnstyledButton
        onClick={onOpen}
        aria-expanded={open}
        className="figure-button"
        data-testid={`figure-${figure.key}`}
      >
        <Group justify="space-between" wrap="nowrap">
          <Text size="sm" fw={560} c="dimmed">
            {figure.label}
          </Text>
          {figure.trend && (
            <Badge size="sm" variant="light" color={severityColor[figure.trend.severity]}>
              {figure.trend.label}
            </Badge>
          )}
        </Group>
        <Text className="figure-value number">{figure.sample === 0 ? 'no data' : figure.display}</Text>
        <Text size="xs" c="dimmed">
          {figure.sample === 0 ? 'nothing observed yet' : `between ${figure.low} and ${figure.high}`}
        </Text>
        <FigureChart figure={figure} />
        <Text size="xs" c="dimmed">
          {figure.definition}
        </Text>
        <Text size="xs" fw={560} mt={6} className="figure-more">
          {open ? 'Hide' : 'Show'} the {plural(figure.sample, 'observation')}
        </Text>
      </UnstyledButton>
    </Card>
  )
}
