import { Card, Group, SegmentedControl, Select, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core'
import { IconChartHistogram } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useSearchParams } from 'react-router'
import { type Dora, type Figure, readDora } from '~/lib/api/learning'
import { readServices } from '~/lib/api/service'
import { plural } from '~/lib/format'
import { SeverityIcon } from '~/parts/Badges'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { FigureChart } from './FigureChart'
import { Observations } from './Observations'
import { interval } from './words'

const spans = { '30': '30 days', '90': '90 days', '365': 'a year' }

/** The four DORA figures with their intervals; each opens the ledger entries it was counted from. */
export function Metrics() {
  const [params, setParams] = useSearchParams()
  const span = params.get('span') ?? '90'
  const service = params.get('service') ?? ''
  const figure = params.get('figure')
  const filter = useMemo(() => {
    const to = new Date()
    // Whole minutes keep the question the same while the page is looked at; the minute that runs counts.
    to.setUTCSeconds(60, 0)
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
              data={(services.data?.items ?? []).map(s => s.name)}
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
              <Empty title="Nothing to count yet" icon={IconChartHistogram}>
                The figures appear with the first finished deployment.
              </Empty>
            </Card>
          ) : (
            <Stack gap="md">
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3, xl: 5 }}>
                {data.figures.map(item => (
                  <FigureCard
                    key={item.key}
                    figure={item}
                    dora={data}
                    open={figure === item.key}
                    onOpen={() => set('figure', figure === item.key ? null : item.key)}
                  />
                ))}
              </SimpleGrid>
              {data.figures
                .filter(it => it.key === figure)
                .map(it => (
                  <Observations key={it.key} figure={it} />
                ))}
            </Stack>
          )
        }
      </Loaded>
    </>
  )
}

function FigureCard({ figure, dora, open, onOpen }: { figure: Figure; dora: Dora; open: boolean; onOpen: () => void }) {
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
          {figure.severity !== 'neutral' && <SeverityIcon severity={figure.severity} size={16} />}
        </Group>
        <Text className="figure-value number">{figure.value == null ? 'no data' : figure.display}</Text>
        <Text size="xs" c="dimmed">
          {figure.sample === 0 ? 'nothing observed yet' : interval(figure.low, figure.high, figure.unit)}
        </Text>
        <FigureChart figure={figure} from={dora.from} to={dora.to} />
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
