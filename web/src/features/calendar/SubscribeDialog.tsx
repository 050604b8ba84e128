import { Button, Group, Modal, Select, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { subscribe, type WindowKind } from '~/lib/api/calendar'
import { newKey, Problem } from '~/lib/api/client'
import { zone } from '~/lib/time'
import { ProblemView } from '~/parts/States'
import { kinds } from './events'

/** Fills a calendar from an address, again and again. */
export function SubscribeDialog({ onClose }: { onClose: () => void }) {
  const [feed, setFeed] = useState('')
  const [name, setName] = useState('')
  const [owner, setOwner] = useState('')
  const [kind, setKind] = useState<WindowKind>('holiday')
  const [where, setWhere] = useState(zone())
  const [every, setEvery] = useState('6h')
  const [key, setKey] = useState(newKey)
  const cache = useQueryClient()
  const run = useMutation({
    mutationFn: () => subscribe(name, { owner, address: feed, kind, zone: where, every }, key),
    onError: error => {
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: () => {
      notifications.show({ color: 'teal', title: 'Subscribed', message: `${name} is filled from now on` })
      void cache.invalidateQueries()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run.mutate()
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title="Subscribe to a calendar"
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Address"
            description="Of an iCalendar file (.ics), without name and password: it is in the ledger for good"
            type="url"
            required
            data-autofocus
            value={feed}
            onChange={event => setFeed(event.currentTarget.value)}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name of the calendar"
              required
              value={name}
              onChange={event => setName(event.currentTarget.value)}
            />
            <TextInput
              label="Owner"
              description="The group that answers for it"
              required
              value={owner}
              onChange={event => setOwner(event.currentTarget.value)}
            />
            <Select
              label="Its events are"
              description="Unless their categories say so"
              required
              allowDeselect={false}
              data={kinds.filter(it => it.value !== 'contract_renewal')}
              value={kind}
              onChange={value => value && setKind(value as WindowKind)}
            />
            <TextInput
              label="Time zone"
              description="Of whole days and of times without a zone"
              required
              value={where}
              onChange={event => setWhere(event.currentTarget.value)}
            />
            <TextInput
              label="How often"
              description="From 5m to 7d"
              required
              value={every}
              onChange={event => setEvery(event.currentTarget.value)}
            />
          </SimpleGrid>
          {run.isError && <ProblemView error={run.error} />}
          <Group justify="flex-end">
            <Button type="submit" loading={run.isPending} disabled={!feed || !name || !owner}>
              Subscribe
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
