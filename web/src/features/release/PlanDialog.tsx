import {
  Button,
  Group,
  Modal,
  MultiSelect,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { readSlots } from '~/lib/api/calendar'
import { newKey, Problem } from '~/lib/api/client'
import { readEnvironments } from '~/lib/api/environment'
import { planRelease } from '~/lib/api/release'
import { readServices } from '~/lib/api/service'
import { spanned, zone } from '~/lib/time'
import { Blockers } from '~/parts/Blockers'
import { ProblemView } from '~/parts/States'
import { addMinutes, toInstant, toLocal } from './planTimes'

/** Plans a release. While a window is chosen, the server says whether it is free, and offers the next that are. */
export function PlanDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const [key, setKey] = useState(newKey)
  const [form, setForm] = useState({
    name: '',
    title: '',
    services: [] as string[],
    environment: '',
    model: 'phased',
    from: '',
    to: 'main',
    start: '',
    minutes: '120',
  })
  const set = <K extends keyof typeof form>(name: K, value: (typeof form)[K]) =>
    setForm(old => ({ ...old, [name]: value }))
  const services = useQuery({ queryKey: ['services'], queryFn: readServices })
  const environments = useQuery({ queryKey: ['environments', 'list'], queryFn: readEnvironments })
  const start = toInstant(form.start)
  const slots = useQuery({
    queryKey: ['slots', form.environment, form.minutes, start],
    queryFn: () => readSlots(form.environment, Number(form.minutes), start ?? undefined),
    enabled: form.environment !== '',
  })
  const plan = useMutation({
    mutationFn: () => {
      const at = start ?? ''
      return planRelease(
        {
          name: form.name,
          title: form.title,
          services: form.services,
          environment: form.environment,
          model: form.model,
          from: form.from,
          to: form.to,
          window: { start: at, end: addMinutes(at, Number(form.minutes)) },
        },
        key,
      )
    },
    onError: error => {
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: release => {
      void client.invalidateQueries()
      navigate(`/releases/${release.id}`)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    plan.mutate()
  }
  const complete = form.name && form.services.length > 0 && form.environment && form.to && start
  return (
    <Modal opened onClose={onClose} title="Plan a release" size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name"
              placeholder="checkout-2026-48"
              required
              data-autofocus
              value={form.name}
              onChange={event => set('name', event.currentTarget.value)}
            />
            <TextInput
              label="What it brings"
              placeholder="New payment form"
              value={form.title}
              onChange={event => set('title', event.currentTarget.value)}
            />
            <MultiSelect
              label="Services"
              placeholder={form.services.length ? undefined : 'Choose'}
              required
              searchable
              data={(services.data?.items ?? []).filter(s => !s.third_party).map(s => ({ value: s.id, label: s.name }))}
              value={form.services}
              onChange={value => set('services', value)}
            />
            <Select
              label="Environment"
              placeholder="Choose"
              required
              data={(environments.data?.items ?? []).map(e => ({ value: e.id, label: `${e.name} (${e.tier})` }))}
              value={form.environment || null}
              onChange={value => set('environment', value ?? '')}
            />
            <TextInput
              label="From revision"
              placeholder="what runs there now"
              description="Empty: the commit that runs there now."
              value={form.from}
              onChange={event => set('from', event.currentTarget.value)}
            />
            <TextInput
              label="To revision"
              description="Branch, tag or commit."
              required
              value={form.to}
              onChange={event => set('to', event.currentTarget.value)}
            />
          </SimpleGrid>
          <div>
            <Text size="sm" fw={500} mb={4}>
              Model
            </Text>
            <SegmentedControl
              aria-label="Model"
              value={form.model}
              onChange={value => set('model', value)}
              data={[
                { value: 'phased', label: 'Phased, with a canary' },
                { value: 'big_bang', label: 'Big bang' },
              ]}
            />
          </div>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              type="datetime-local"
              label={`Window starts (${zone()})`}
              required
              value={form.start}
              onChange={event => set('start', event.currentTarget.value)}
            />
            <Select
              label="Window lasts"
              allowDeselect={false}
              data={[
                { value: '60', label: '1 hour' },
                { value: '120', label: '2 hours' },
                { value: '240', label: '4 hours' },
                { value: '480', label: '8 hours' },
              ]}
              value={form.minutes}
              onChange={value => set('minutes', value ?? '120')}
            />
          </SimpleGrid>
          {slots.data && (
            <Stack gap="xs" className="effect">
              {!slots.data.allowed && <Blockers blockers={slots.data.reasons} />}
              {slots.data.slots.length > 0 && (
                <>
                  <Text size="xs" fw={600} c="dimmed">
                    {slots.data.allowed ? 'Free windows' : 'Next free windows'}
                  </Text>
                  <Group gap="xs">
                    {slots.data.slots.map(slot => (
                      <Button
                        key={slot.start}
                        size="compact-sm"
                        variant={
                          start && new Date(slot.start).getTime() === new Date(start).getTime() ? 'filled' : 'light'
                        }
                        onClick={() => set('start', toLocal(slot.start))}
                        data-testid="slot"
                      >
                        {spanned(slot.start, slot.end)}
                      </Button>
                    ))}
                  </Group>
                </>
              )}
            </Stack>
          )}
          {plan.isError && <ProblemView error={plan.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={plan.isPending} disabled={!complete}>
              Plan it
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
