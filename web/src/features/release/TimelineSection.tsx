import { Button, Text } from '@mantine/core'
import { IconTimeline } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { readTimeline } from '~/lib/api/release'
import { count, plural } from '~/lib/format'
import { clock, day } from '~/lib/time'
import { SeverityIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Loading, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'

/** Every ledger entry about the release, oldest first. */
export function TimelineSection({ id }: { id: string }) {
  const timeline = useInfiniteQuery({
    queryKey: ['timeline', id],
    queryFn: ({ pageParam }) => readTimeline(id, pageParam),
    initialPageParam: '',
    getNextPageParam: page => page.next ?? undefined,
  })
  const lines = timeline.data?.pages.flatMap(page => page.items) ?? []
  return (
    <Section
      id="timeline"
      title="Timeline"
      icon={IconTimeline}
      aside={
        timeline.data && (
          <Text size="xs" c="dimmed">
            {plural(lines.length, 'entry', 'entries')}
            {timeline.hasNextPage && ' and more'}
          </Text>
        )
      }
    >
      {timeline.isPending && <Loading rows={3} />}
      {timeline.isError && <ProblemView error={timeline.error} retry={() => void timeline.refetch()} />}
      <ol className="timeline">
        {lines.map((line, index, all) => {
          const newDay = index === 0 || day(all[index - 1]!.at) !== day(line.at)
          return (
            <li key={line.position}>
              {newDay && <div className="timeline-day">{day(line.at)}</div>}
              <div className="timeline-row">
                <span className="timeline-clock">{clock(line.at)}</span>
                <SeverityIcon severity={line.severity} size={15} />
                <div className="min0">
                  <Text size="sm">{line.summary}</Text>
                  <Text size="xs" c="dimmed">
                    {line.actor.name} · <Time at={line.at} /> ·{' '}
                    <Link to={`/ledger/${line.position}`} className="link">
                      {line.kind} at {count(line.position)}
                    </Link>
                  </Text>
                </div>
              </div>
            </li>
          )
        })}
      </ol>
      {timeline.hasNextPage && (
        <Button
          size="compact-sm"
          variant="default"
          loading={timeline.isFetchingNextPage}
          onClick={() => void timeline.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Section>
  )
}
