import { Group, Stack, Text } from '@mantine/core'
import { IconClipboardText, IconSquare } from '@tabler/icons-react'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import type { Review } from '~/lib/api/learning'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Fact, Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function ReviewSection({ review }: { review: Review }) {
  return (
    <Section
      id="review"
      title="Review"
      icon={IconClipboardText}
      aside={<StatusBadge status={review.status} size="sm" />}
    >
      <Stack gap="md">
        <Text size="sm">{review.why}</Text>
        <Group gap="xl">
          <Fact label="Services">{review.services.join(', ')}</Fact>
          <Fact label="Opened">
            <Time at={review.opened_at} />
          </Fact>
          {review.done_at ? (
            <Fact label="Done">
              <Time at={review.done_at} /> {review.done_by && `by ${review.done_by.name}`}
            </Fact>
          ) : (
            <Fact label="Due">
              <Time at={review.due_at} />
            </Fact>
          )}
          {review.blocks.length > 0 && (
            <Fact label="Holds up">
              {review.blocks.map(ref => (
                <Link key={ref.id} to={`/releases/${ref.id}`} className="link">
                  {ref.name}{' '}
                </Link>
              ))}
            </Fact>
          )}
        </Group>
        {review.root_cause && <Fact label="Root cause">{review.root_cause}</Fact>}
        {review.factors.length > 0 && (
          <Fact label="Contributing factors">
            <ul className="reasons">
              {review.factors.map(factor => (
                <li key={factor}>{factor}</li>
              ))}
            </ul>
          </Fact>
        )}
        {review.follow_ups.length > 0 && (
          <Fact label="What changes because of it">
            {review.follow_ups.map(item => (
              <Group key={item.text} gap={6} wrap="nowrap" align="flex-start">
                <IconSquare size={16} aria-hidden />
                <Text size="sm">
                  {item.text}{' '}
                  <Text span size="xs" c="dimmed">
                    {item.owner.name}, <Time at={item.due_at} prefix="due" />
                  </Text>
                </Text>
              </Group>
            ))}
          </Fact>
        )}
        {!review.status.is_terminal && (
          <ActionBar actions={review.actions} at={address('reviews', review.id)} name={`review of ${review.name}`} />
        )}
      </Stack>
    </Section>
  )
}
