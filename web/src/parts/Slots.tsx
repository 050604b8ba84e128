import { Button, Group, Stack, Text } from '@mantine/core'
import type { Span } from '~/lib/api/core'
import { ceilSecond, toInstant } from '~/lib/instants'
import { spanned } from '~/lib/time'

/** Times that would do, to be chosen with one click. */
export function Slots({
  title,
  slots,
  chosen,
  onChoose,
}: {
  title: string
  slots: Span[]
  /** Local text of a `datetime-local` field. */
  chosen?: string
  onChoose: (start: string) => void
}) {
  if (slots.length === 0) return null
  const at = toInstant(chosen ?? '')
  return (
    <Stack gap={6}>
      <Text size="xs" fw={600} c="dimmed">
        {title}
      </Text>
      <Group gap="xs">
        {slots.map(slot => {
          const start = ceilSecond(slot.start)
          const taken = at !== null && new Date(start).getTime() === new Date(at).getTime()
          return (
            <Button
              key={slot.start}
              size="compact-sm"
              variant={taken ? 'filled' : 'light'}
              aria-pressed={taken}
              onClick={() => onChoose(start)}
              data-testid="slot"
            >
              {spanned(slot.start, slot.end)}
            </Button>
          )
        })}
      </Group>
    </Stack>
  )
}
