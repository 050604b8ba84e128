import { Button, Card, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconCalendarTime, IconInbox, IconPlus } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { type NeedsMe, readToday, type Shipping, type Trouble } from '~/lib/api/today'
import { plural } from '~/lib/format'
import { hrefOf, nounOf } from '~/lib/links'
import { day, spanned, zone } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { SeverityIcon, StatusBadge } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { PageHeader, Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'
import { DayLine } from './DayLine'

export function Today() {
  const today = useQuery({ queryKey: ['today', zone()], queryFn: () => readToday(zone()) })
  return (
    <>
      <PageHeader
        title="Today"
        lead={
          today.data
            ? `${day(new Date())} · ${plural(today.data.needs_me.length, 'thing needs', 'things need')} you · ${plural(today.data.in_trouble.length, 'thing', 'things')} in trouble`
            : day(new Date())
        }
        actions={
          <Button component={Link} to="/releases?plan=1" leftSection={<IconPlus size={15} />}>
            Plan a release
          </Button>
        }
      />
      <Loaded result={today} rows={4}>
        {data => (
          <SimpleGrid cols={{ base: 1, md: 2, lg: 3 }} spacing="md" className="today">
            <Section title="Needs me" icon={IconInbox} aside={<Count value={data.needs_me.length} />}>
              {data.needs_me.length === 0 ? (
                <Empty small title="Nothing waits for you">
                  Approvals, conditions and reviews in your name appear here.
                </Empty>
              ) : (
                <Stack gap="sm">
                  {data.needs_me.map(item => (
                    <NeedCard key={item.id} item={item} />
                  ))}
                </Stack>
              )}
            </Section>
            <Section title="Ships today" icon={IconCalendarTime} aside={<Count value={data.ships_today.length} />}>
              <DayLine today={data} />
              {data.ships_today.length === 0 && (
                <Empty small title="Nothing ships today">
                  Releases whose window lies in this day appear on the line above.
                </Empty>
              )}
              <Stack gap="sm" mt="md">
                {data.ships_today.map(item => (
                  <ShipCard key={item.release.id} item={item} />
                ))}
              </Stack>
              {data.next.length > 0 && (
                <>
                  <Text size="xs" fw={600} c="dimmed" mt="lg" mb={6}>
                    Next days
                  </Text>
                  <Stack gap={6}>
                    {data.next.map(item => (
                      <Group key={item.release.id} justify="space-between" gap="xs" wrap="nowrap">
                        <Link to={hrefOf('release', item.release.id)} className="link ellipsis">
                          {item.release.name}
                        </Link>
                        <Text size="xs" c="dimmed" className="nowrap">
                          {spanned(item.window.start, item.window.end)}
                        </Text>
                      </Group>
                    ))}
                  </Stack>
                </>
              )}
            </Section>
            <Section title="In trouble" icon={IconAlertTriangle} aside={<Count value={data.in_trouble.length} />}>
              {data.in_trouble.length === 0 ? (
                <Empty small title="All quiet">
                  Held releases, failing watches and running clocks appear here.
                </Empty>
              ) : (
                <Stack gap="sm">
                  {data.in_trouble.map(item => (
                    <TroubleCard key={item.id} item={item} />
                  ))}
                </Stack>
              )}
            </Section>
          </SimpleGrid>
        )}
      </Loaded>
    </>
  )
}

const Count = ({ value }: { value: number }) => (
  <Text size="sm" c="dimmed" fw={550}>
    {value}
  </Text>
)

function NeedCard({ item }: { item: NeedsMe }) {
  return (
    <Card className="inner" padding="sm">
      <Group gap={8} wrap="nowrap" align="flex-start">
        <SeverityIcon severity={item.severity} />
        <Stack gap={4} flex={1} miw={0}>
          <Link to={hrefOf(item.subject.kind, item.subject.id, item.subject.name)} className="link strong">
            {item.title}
          </Link>
          <Text size="sm" c="dimmed">
            {item.why}
          </Text>
          {item.waiting.length > 0 && (
            <Text size="xs" c="dimmed">
              Also: {item.waiting.join(', ')}
            </Text>
          )}
          <Group justify="space-between" gap="xs" mt={4}>
            <ActionBar
              actions={item.actions}
              at={address(nounOf(item.subject.kind), item.subject.id)}
              name={item.subject.name}
              fold
              size="compact-sm"
            />
            {item.due_at && (
              <Text size="xs" c="dimmed" component="span">
                <Time at={item.due_at} prefix="due" />
              </Text>
            )}
          </Group>
        </Stack>
      </Group>
    </Card>
  )
}

function ShipCard({ item }: { item: Shipping }) {
  return (
    <Card className="inner" padding="sm">
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Stack gap={2} miw={0}>
          <Link to={hrefOf('release', item.release.id)} className="link strong">
            {item.release.name}
          </Link>
          <Text size="xs" c="dimmed">
            {item.environment.name} · {item.services.join(', ')} · {spanned(item.window.start, item.window.end)}
          </Text>
        </Stack>
        <StatusBadge status={item.status} size="sm" />
      </Group>
      <Text size="sm" mt={6}>
        {item.sentence}
      </Text>
    </Card>
  )
}

function TroubleCard({ item }: { item: Trouble }) {
  return (
    <Card className="inner" padding="sm">
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb={4}>
        <Link to={hrefOf(item.subject.kind, item.subject.id, item.subject.name)} className="link strong">
          {item.subject.name}
        </Link>
        <StatusBadge status={item.status} size="sm" />
      </Group>
      <Text size="sm">{item.sentence}</Text>
      {item.blockers.length > 0 && (
        <div className="mt-xs">
          <Blockers blockers={item.blockers} compact />
        </div>
      )}
      <Group gap="md" mt={6}>
        <Text size="xs" c="dimmed" component="span">
          <Time at={item.since} prefix="since" />
        </Text>
        {item.deadline_at && (
          <Text size="xs" c="orange" fw={600} component="span">
            <Time at={item.deadline_at} prefix="decide" />
          </Text>
        )}
      </Group>
    </Card>
  )
}
