import { Button, Group, Modal, MultiSelect, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { checkCalendar } from '~/lib/api/calendar'
import { readEnvironments } from '~/lib/api/environment'
import { readServices } from '~/lib/api/service'
import { toInstant, toLocal } from '~/lib/instants'
import { exact, zone } from '~/lib/time'
import { VerdictIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { Slots } from '~/parts/Slots'
import { ProblemView } from '~/parts/States'

/** May one ship then, and if not, when? */
export function CheckDialog({ onClose }: { onClose: () => void }) {
  const [services, setServices] = useState<string[]>([])
  const [environment, setEnvironment] = useState('')
  const [at, setAt] = useState('')
  const [length, setLength] = useState('1h')
  const known = useQuery({ queryKey: ['services'], queryFn: readServices })
  const places = useQuery({ queryKey: ['environments', 'list'], queryFn: readEnvironments })
  const check = useMutation({
    mutationFn: () => checkCalendar({ services, environment, at: toInstant(at), length }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    check.mutate()
  }
  return (
    <Modal opened onClose={onClose} title="May one ship?" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Select
              label="Environment"
              required
              data-autofocus
              data={(places.data?.items ?? []).map(it => it.name)}
              value={environment || null}
              onChange={value => setEnvironment(value ?? '')}
            />
            <MultiSelect
              label="Services"
              placeholder={services.length ? undefined : 'Any'}
              data={(known.data?.items ?? []).map(it => it.name)}
              value={services}
              onChange={setServices}
            />
            <TextInput
              type="datetime-local"
              step={1}
              label={`When (${zone()})`}
              description="Empty: now"
              value={at}
              onChange={event => setAt(event.currentTarget.value)}
            />
            <TextInput
              label="For how long"
              description="Such as 45m or 1h 30m"
              value={length}
              onChange={event => setLength(event.currentTarget.value)}
            />
          </SimpleGrid>
          {check.data && (
            <Stack gap="sm" className="effect" aria-live="polite" data-testid="check-answer">
              <Group gap={8}>
                <VerdictIcon verdict={check.data.allowed ? 'pass' : 'fail'} />
                <Text fw={560}>
                  {check.data.allowed ? 'Yes, the calendar is open.' : 'No, the calendar is closed.'}
                </Text>
              </Group>
              <Blockers blockers={check.data.reasons} />
              {check.data.next_close && <Text size="sm">Closes next: {exact(check.data.next_close)}</Text>}
              {check.data.next_open && <Text size="sm">Opens next: {exact(check.data.next_open)}</Text>}
              <Slots
                title="Free windows"
                slots={check.data.slots}
                chosen={at}
                onChoose={start => setAt(toLocal(start))}
              />
            </Stack>
          )}
          {check.isError && <ProblemView error={check.error} onSlot={start => setAt(toLocal(start))} />}
          <Group justify="flex-end">
            <Button type="submit" loading={check.isPending} disabled={!environment}>
              Ask
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
