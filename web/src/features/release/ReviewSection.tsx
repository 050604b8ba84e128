import { Group, Stack, Text } from '@mantine/core'
import { IconClipboardText, IconSquare, IconSquareCheck } from '@tabler/icons-react'
import { Link } from 'react-router'
import type { Review } from '~/lib/api/release'
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
          <Fact label="Owner">{review.owner.name}</Fact>
          <Fact label="Opened">
            <Time at={review.opened_at} />
          </Fact>
          <Fact label="Due">
            <Time at={review.due_at} />
          </Fact>
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
        {review.summary && <Fact label="What happened">{review.summary}</Fact>}
        {review.causes.length > 0 && (
          <Fact label="Causes">
            <ul className="reasons">
              {review.causes.map(cause => (
                <li key={cause}>{cause}</li>
              ))}
            </ul>
          </Fact>
        )}
        {review.follow_ups.length > 0 && (
          <Fact label="What changes because of it">
            {review.follow_ups.map(item => (
              <Group key={item.id} gap={6} wrap="nowrap" align="flex-start">
                {item.done ? (
                  <IconSquareCheck size={16} aria-label="done" />
                ) : (
                  <IconSquare size={16} aria-label="open" />
                )}
                <Text size="sm">
                  {item.title}{' '}
                  <Text span size="xs" c="dimmed">
                    {item.owner.name}
                  </Text>
                </Text>
              </Group>
            ))}
          </Fact>
        )}
        <ActionBar actions={review.actions} noun="reviews" id={review.id} name="review" />
      </Stack>
    </Section>
  )
}
