import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { IconChevronRight, IconFileText, IconGavel, IconUsers } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { address } from '~/lib/api/action'
import { type AgendaItem, type Meeting, readMeeting } from '~/lib/api/governance'
import { count, plural, shortDigest } from '~/lib/format'
import { exact, spanned } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { SignatureLine } from '~/parts/SignatureLine'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'
import { ruleWords } from './Boards'

/** The room in which a board meets: who is there, what is decided, by which votes. */
export function MeetingPage() {
  const { id = '' } = useParams()
  const meeting = useQuery({ queryKey: ['meeting', id], queryFn: () => readMeeting(id) })
  return <Loaded result={meeting}>{data => <Page meeting={data} />}</Loaded>
}

function Page({ meeting }: { meeting: Meeting }) {
  const at = address('meetings', meeting.id)
  return (
    <>
      <PageHeader
        title={`Meeting of ${meeting.board}`}
        above={
          <Group gap={4} className="crumbs">
            <Anchor component={Link} to="/changes/boards" size="sm" c="dimmed">
              Boards
            </Anchor>
            <IconChevronRight size={13} aria-hidden />
            <Id value={meeting.id} />
          </Group>
        }
        lead={
          <Group gap={8}>
            <StatusBadge status={meeting.status} />
            <span>{exact(meeting.at)}</span>
            <span>·</span>
            <span>
              quorum {plural(meeting.quorum, 'person', 'people')}, carried by {ruleWords(meeting.rule)}
            </span>
          </Group>
        }
        actions={
          <Button
            component="a"
            href={`/api/v1${at}/minutes`}
            target="_blank"
            rel="noreferrer"
            variant="default"
            leftSection={<IconFileText size={15} />}
          >
            Minutes
          </Button>
        }
      />
      <ActionBar actions={meeting.actions} at={at} name={`meeting of ${meeting.board}`} kind="meeting" fold />
      <Stack gap="md" mt="md" data-testid="meeting" data-status={meeting.status.value}>
        <Section title="Seats" icon={IconUsers}>
          <Stack gap={6}>
            {meeting.seats.map(seat => (
              <Group key={seat.member.id} gap={8} data-testid="seat" data-status={seat.status.value}>
                <Text size="sm" fw={560}>
                  {seat.member.name}
                </Text>
                <StatusBadge status={seat.status} size="sm" />
                {seat.by && <Text size="sm">by {seat.by.name}</Text>}
                {seat.reason && (
                  <Text size="sm" c="dimmed">
                    {seat.reason}
                  </Text>
                )}
              </Group>
            ))}
          </Stack>
        </Section>
        {meeting.agenda.length === 0 && (
          <Section title="Agenda" icon={IconGavel}>
            <Empty small title="Nothing is on the agenda">
              Whoever convenes the board puts changes on it.
            </Empty>
          </Section>
        )}
        {meeting.agenda.map((item, index) => (
          <Item
            key={item.change.id}
            item={item}
            number={index + 1}
            at={`${at}/items/${encodeURIComponent(item.change.id)}`}
          />
        ))}
        {meeting.signature && (
          <Section title="Minutes" icon={IconFileText}>
            <Stack gap={6}>
              {meeting.remarks && <Text size="sm">{meeting.remarks}</Text>}
              <SignatureLine signature={meeting.signature} />
            </Stack>
          </Section>
        )}
      </Stack>
    </>
  )
}

function Item({ item, number, at }: { item: AgendaItem; number: number; at: string }) {
  const { change, tally } = item
  return (
    <Section
      title={`${number}. ${change.name}`}
      icon={IconGavel}
      aside={item.verdict ? <StatusBadge status={item.verdict} size="sm" /> : undefined}
    >
      <Stack gap="md" data-testid="item" data-verdict={item.verdict?.value ?? 'open'}>
        <Text size="sm">{change.summary}</Text>
        <Group gap="xl">
          <Fact label="Class">{change.class}</Fact>
          <Fact label="Impact">{change.impact}</Fact>
          <Fact label="Services">{change.services.join(', ')}</Fact>
          {item.environment && <Fact label="Where">{item.environment.name}</Fact>}
          {item.window && <Fact label="When">{spanned(item.window.start, item.window.end)}</Fact>}
          <Fact label="Written by">{change.authors.map(it => it.name).join(', ') || 'nobody known'}</Fact>
          <Fact label="What is signed">
            <Id value={item.seen} show={shortDigest(item.seen)} />
          </Fact>
        </Group>
        <Text size="xs" c="dimmed">
          {item.reasons.join('; ')}.{' '}
          <Link className="link" to={`/releases/${change.release.id}`}>
            The release, its commits and its gates
          </Link>
        </Text>
        {item.documents.length > 0 && (
          <Text size="sm">Documents: {item.documents.map(it => `${it.kind} (${it.by.name})`).join(', ')}</Text>
        )}
        <Text size="sm" data-testid="tally">
          {count(tally.approve)} for, {count(tally.reject)} against, {count(tally.abstain)} abstained;{' '}
          {count(tally.heads)} of {plural(tally.quorum, 'independent person', 'independent people')} here
          {tally.no_heads.length > 0 && ` (not counted: ${tally.no_heads.join('; ')})`}
        </Text>
        {item.votes.map(vote => (
          <Stack key={vote.by.id} gap={3} data-testid="vote">
            <Group gap={8}>
              <Text size="sm" fw={560}>
                {vote.by.name}
              </Text>
              {vote.on_behalf_of && (
                <Text size="xs" c="dimmed">
                  for {vote.on_behalf_of.name}
                </Text>
              )}
              <StatusBadge status={vote.choice} size="sm" />
              <Text size="xs" c="dimmed" component="span">
                <Time at={vote.signature.at} />
              </Text>
            </Group>
            <Text size="sm">{vote.reason}</Text>
            {vote.conditions.map(text => (
              <Text key={text} size="sm">
                <b>Condition:</b> {text}
              </Text>
            ))}
            {vote.void && (
              <Text size="sm" c="red">
                Does not count: {vote.by.name} {vote.void}
              </Text>
            )}
            <SignatureLine signature={vote.signature} />
          </Stack>
        ))}
        {!item.verdict && <ActionBar actions={item.actions} at={at} name={change.name} size="xs" seen={item.seen} />}
      </Stack>
    </Section>
  )
}
