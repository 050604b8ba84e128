import { Button, Group, Stack, Table, Text } from '@mantine/core'
import { IconCalendarEvent, IconDoorEnter, IconRefresh, IconRss } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import {
  type Calendar,
  type Exception,
  type Feed,
  readCalendars,
  readExceptions,
  refreshFeed,
} from '~/lib/api/calendar'
import { plural } from '~/lib/format'
import { hrefOf } from '~/lib/links'
import { exact } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { PageHeader, Section } from '~/parts/Layout'
import { Empty, Loaded, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'
import { SubscribeDialog } from './SubscribeDialog'

/** Where windows come from, and who was let through one. */
export function RulesPage() {
  const calendars = useQuery({ queryKey: ['calendars'], queryFn: readCalendars })
  const exceptions = useQuery({ queryKey: ['exceptions'], queryFn: readExceptions })
  const [subscribing, setSubscribing] = useState(false)
  return (
    <>
      <PageHeader
        title="Calendars and exceptions"
        above={<Link to="/calendar">Calendar</Link>}
        actions={
          <Button variant="default" leftSection={<IconRss size={15} />} onClick={() => setSubscribing(true)}>
            Subscribe
          </Button>
        }
      />
      <Stack>
        <Section id="exceptions" title="Exceptions" icon={IconDoorEnter}>
          <Loaded result={exceptions}>
            {data =>
              data.items.length === 0 ? (
                <Empty
                  title="Nobody was let through a window"
                  icon={IconDoorEnter}
                  command="interlock calendar except --help"
                >
                  A window that names a role for exceptions can let one release through one occurrence. Choose the
                  window on the calendar to ask.
                </Empty>
              ) : (
                <Stack gap="md" p="md">
                  {data.items.map(it => (
                    <ExceptionRow key={it.id} it={it} />
                  ))}
                </Stack>
              )
            }
          </Loaded>
        </Section>
        <Section id="calendars" title="Calendars" icon={IconCalendarEvent}>
          <Loaded result={calendars}>
            {data =>
              data.items.length === 0 ? (
                <Empty title="No calendar yet" icon={IconCalendarEvent} command="interlock apply -f calendar.yaml">
                  Windows come from manifests, from files of other programs, and from their addresses.
                </Empty>
              ) : (
                <Table.ScrollContainer minWidth={600}>
                  <Table>
                    <Table.Thead>
                      <Table.Tr>
                        <Table.Th>Name</Table.Th>
                        <Table.Th>Owner</Table.Th>
                        <Table.Th>Filled from</Table.Th>
                        <Table.Th>
                          <span className="visually-hidden">Actions</span>
                        </Table.Th>
                      </Table.Tr>
                    </Table.Thead>
                    <Table.Tbody>
                      {data.items.map(it => (
                        <CalendarRow key={it.id} it={it} />
                      ))}
                    </Table.Tbody>
                  </Table>
                </Table.ScrollContainer>
              )
            }
          </Loaded>
        </Section>
      </Stack>
      {subscribing && <SubscribeDialog onClose={() => setSubscribing(false)} />}
    </>
  )
}

function ExceptionRow({ it }: { it: Exception }) {
  return (
    <Stack gap={4} data-testid="exception">
      <Group gap="xs">
        <Link to={hrefOf('release', it.release.id)}>{it.release.name}</Link>
        <StatusBadge status={it.status} size="sm" />
      </Group>
      <Text size="sm">
        {it.window} of {it.calendar}, which begins {exact(it.occurrence)}; until {exact(it.until)}
      </Text>
      <Text size="sm">
        {it.asked_by?.name ?? 'Interlock'}: {it.reason}
      </Text>
      {it.decided && (
        <Text size="sm">
          {it.decided_by?.name ?? 'Interlock'}: {it.decision}
        </Text>
      )}
      {!it.decided && (
        <Text size="xs" c="dimmed">
          Somebody else with the role {it.role} decides
        </Text>
      )}
      <ActionBar actions={it.actions} at={address('exceptions', it.id)} name={it.release.name} size="xs" />
    </Stack>
  )
}

function CalendarRow({ it }: { it: Calendar }) {
  const cache = useQueryClient()
  const refresh = useMutation({
    mutationFn: () => refreshFeed(it.id),
    onSettled: () => cache.invalidateQueries(),
  })
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={560}>
          {it.name}
        </Text>
        <Text size="xs" c="dimmed">
          {plural(it.spec.windows.length, 'window')}
        </Text>
      </Table.Td>
      <Table.Td>{it.spec.owner}</Table.Td>
      <Table.Td>
        {it.feed ? <FeedFacts feed={it.feed} /> : <Text size="sm">{it.source}</Text>}
        {refresh.isError && <ProblemView error={refresh.error} />}
      </Table.Td>
      <Table.Td>
        <Group gap="xs" justify="flex-end">
          {it.feed && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconRefresh size={14} />}
              loading={refresh.isPending}
              onClick={() => refresh.mutate()}
            >
              Refresh
            </Button>
          )}
          <ActionBar actions={it.actions} at={address('calendars', it.id)} name={it.name} size="xs" fold />
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function FeedFacts({ feed }: { feed: Feed }) {
  const [added = 0, changed = 0, removed = 0] = feed.counts
  return (
    <Stack gap={2} aria-live="polite">
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {feed.address}
      </Text>
      <Text size="xs" c="dimmed">
        every {feed.every}
        {feed.changed_at && (
          <>
            ; last changed <Time at={feed.changed_at} />: {added} added, {changed} changed, {removed} removed
          </>
        )}
      </Text>
      {feed.failing && (
        <Text size="sm" c="red" role="alert">
          Cannot be read since {feed.failing_since && exact(feed.failing_since)}, and its windows stay: {feed.failing}
        </Text>
      )}
    </Stack>
  )
}
