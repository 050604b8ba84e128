import { Group, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconScale } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { address } from '~/lib/api/action'
import type { Ref } from '~/lib/api/core'
import { type Analysis, type Course, readAnalysis, readCourse, type ServiceCourse } from '~/lib/api/verification'
import { count, plural, rate, ratio } from '~/lib/format'
import { lasting } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge, VerdictBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'
import { EffectChart } from './EffectChart'
import { EvidenceMeter } from './EvidenceMeter'
import { between, linesOf, rowsOf } from './effect'
import { Indicators } from './Indicators'

/** The analyses of a deployment; the newest is open. */
export function CanarySection({ analyses }: { analyses: Ref[] }) {
  const newest = analyses.at(-1)?.id ?? ''
  const [chosen, setChosen] = useState('')
  const id = analyses.some(it => it.id === chosen) ? chosen : newest
  const analysis = useQuery({ queryKey: ['analysis', id], queryFn: () => readAnalysis(id) })
  const running = analysis.data !== undefined && !analysis.data.status.is_terminal && !analysis.data.verdict
  const every = Math.max(2000, (analysis.data?.interval_s ?? 5) * 1000)
  const course = useQuery({
    queryKey: ['analysis', id, 'course', running],
    queryFn: () => readCourse(id),
    refetchInterval: running ? every : false,
  })
  return (
    <Section
      id="canary"
      title="Canary"
      icon={IconScale}
      aside={
        analysis.data &&
        (analysis.data.verdict ? (
          <VerdictBadge verdict={analysis.data.verdict} />
        ) : (
          <StatusBadge status={analysis.data.status} size="sm" />
        ))
      }
    >
      <Stack gap="lg">
        {analyses.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label="Which analysis"
            value={id}
            onChange={setChosen}
            data={analyses.map((it, index) => ({ value: it.id, label: `${index + 1}. ${it.name}` }))}
          />
        )}
        {analysis.isPending && <Loading rows={3} />}
        {analysis.isError && <ProblemView error={analysis.error} retry={() => void analysis.refetch()} />}
        {course.isError && <ProblemView error={course.error} retry={() => void course.refetch()} />}
        {analysis.data && <Picture analysis={analysis.data} course={course.data} />}
      </Stack>
    </Section>
  )
}

function Picture({ analysis, course }: { analysis: Analysis; course: Course | undefined }) {
  const [chosen, setChosen] = useState('')
  const services = course?.course?.services ?? []
  const service = services.find(it => it.service === chosen) ?? services[0]
  return (
    <>
      <Text size="sm">{analysis.sentence}</Text>
      {services.length > 1 && (
        <SegmentedControl
          size="xs"
          aria-label="Which service"
          value={service?.service ?? ''}
          onChange={setChosen}
          data={services.map(it => it.service)}
        />
      )}
      {service && service.points.length > 0 ? (
        <Compared analysis={analysis} service={service} started={course?.course?.started ?? analysis.started_at} />
      ) : (
        <Empty small title="No look yet">
          The first comes {analysis.interval_s} s after both versions take traffic.
        </Empty>
      )}
      <ActionBar actions={analysis.actions} at={address('analyses', analysis.id)} name={analysis.name} fold />
    </>
  )
}

function Compared({ analysis, service, started }: { analysis: Analysis; service: ServiceCourse; started: string }) {
  const latest = service.latest
  const lines = linesOf(service)
  const arms = analysis.compared.find(it => it.service.name === service.service)
  const last = service.points.at(-1)!
  const excess = latest?.excess_bad_requests ?? last.excess_bad_requests
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
        <Tile
          label={`New version${arms?.new_version ? `, ${arms.new_version}` : ''}`}
          value={rate(latest?.errors_canary ?? 0, latest?.n_canary ?? 0)}
          note={`failed: ${count(latest?.errors_canary ?? 0)} of ${count(latest?.n_canary ?? 0)} on ${plural(arms?.new.length ?? 0, 'target')}`}
        />
        <Tile
          label={`Old version${arms?.old_version ? `, ${arms.old_version}` : ''}`}
          value={rate(latest?.errors_baseline ?? 0, latest?.n_baseline ?? 0)}
          note={`failed: ${count(latest?.errors_baseline ?? 0)} of ${count(latest?.n_baseline ?? 0)} on ${plural(arms?.old.length ?? 0, 'target')}`}
        />
        <Tile
          label="Effect on errors"
          value={last.ratio == null ? 'no errors before' : ratio(last.ratio)}
          note={`95 % sure: ${between(last.low, last.high)}`}
        />
        <Tile
          label="Excess failed requests so far"
          value={count(Math.round(excess) || 0)}
          note="failed at the new version beyond what the old would have"
        />
      </SimpleGrid>
      <EffectChart
        id={`${analysis.id} ${service.service}`}
        looks={service.points}
        lines={lines}
        started={started}
        interval_s={analysis.interval_s}
      />
      {latest && (
        <>
          <EvidenceMeter assessment={latest} tolerance={lines.tolerance} />
          <Indicators rows={rowsOf(latest)} lines={lines} />
        </>
      )}
      <Group gap="xl" align="flex-start">
        {latest && <Forecast latest={latest} interval_s={analysis.interval_s} />}
        <Text
          size="xs"
          c="dimmed"
          component="span"
          className="push-right"
          data-testid="looks"
          data-looks={service.points.length}
        >
          {plural(service.points.length, 'look')}, one each {analysis.interval_s} s ·{' '}
          {analysis.ended_at ? (
            <Time at={analysis.ended_at} prefix="ended" />
          ) : (
            <Time at={analysis.horizon_at} prefix="decides at the latest" />
          )}
        </Text>
      </Group>
    </>
  )
}

function Forecast({ latest, interval_s }: { latest: NonNullable<ServiceCourse['latest']>; interval_s: number }) {
  const { intervals_to_double, intervals_to_fivefold, detectable_ratio } = latest.forecast
  const after = (intervals: number | null) =>
    intervals === null ? 'not at this traffic' : `in about ${lasting(intervals * interval_s * 1000)}`
  return (
    <div>
      <Text size="xs" fw={600} c="dimmed">
        If the new version were worse, one would know
      </Text>
      <Group gap="md" mt={4}>
        <Text size="sm">
          <b>×2</b> {after(intervals_to_double)}
        </Text>
        <Text size="sm">
          <b>×5</b> {after(intervals_to_fivefold)}
        </Text>
        {detectable_ratio !== null && (
          <Text size="sm" c="dimmed">
            smallest that would be seen: {ratio(detectable_ratio)}
          </Text>
        )}
      </Group>
    </div>
  )
}

function Tile({ label, value, note }: { label: string; value: string; note: string }) {
  return (
    <div className="tile">
      <Text size="xs" c="dimmed" fw={500}>
        {label}
      </Text>
      <Text size="xl" fw={640} className="number">
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {note}
      </Text>
    </div>
  )
}
