import { Button, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { askException, type CalendarEntry } from '~/lib/api/calendar'
import { newKey, Problem } from '~/lib/api/client'
import { readReleases } from '~/lib/api/release'
import { toInstant, toLocal } from '~/lib/instants'
import { zone } from '~/lib/time'
import { ProblemView } from '~/parts/States'

/** Asks that one release be let through this occurrence. Who grants it is said by the window. */
export function AskException({ entry, onClose }: { entry: CalendarEntry; onClose: () => void }) {
  const [release, setRelease] = useState('')
  const [until, setUntil] = useState(entry.end ? toLocal(entry.end) : '')
  const [reason, setReason] = useState('')
  const [key, setKey] = useState(newKey)
  const cache = useQueryClient()
  const releases = useQuery({ queryKey: ['releases', 'open'], queryFn: () => readReleases({}) })
  const [calendar = '', window = ''] = entry.id.split('/')
  const ask = useMutation({
    mutationFn: () =>
      askException({ release, calendar, window, occurrence: entry.start, until: toInstant(until) ?? '', reason }, key),
    onError: error => {
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: () => {
      notifications.show({
        color: 'teal',
        title: 'Asked',
        message: `Somebody with the role ${entry.exceptions_by} decides`,
      })
      void cache.invalidateQueries()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    ask.mutate()
  }
  const open = (releases.data?.items ?? []).filter(it => !it.status.is_terminal)
  return (
    <form onSubmit={submit}>
      <Stack gap="sm" mt="md" className="effect">
        <Text size="sm" fw={560}>
          Ask for an exception
        </Text>
        <Text size="sm">
          One release may be let through this occurrence by another person with the role {entry.exceptions_by}. Whatever
          else is closed stays closed.
        </Text>
        <Select
          label="Release"
          required
          searchable
          nothingFoundMessage="No open release"
          data={open.map(it => ({ value: it.id, label: it.name }))}
          value={release || null}
          onChange={value => setRelease(value ?? '')}
        />
        <TextInput
          type="datetime-local"
          step={1}
          label={`Until (${zone()})`}
          description="At the latest the end of this occurrence"
          required
          value={until}
          onChange={event => setUntil(event.currentTarget.value)}
        />
        <Textarea
          label="Reason"
          description="Auditors read it."
          required
          autosize
          minRows={2}
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
        />
        {ask.isError && <ProblemView error={ask.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={ask.isPending} disabled={!release || !until || !reason.trim()}>
            Ask
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
