import { Button, Group, Modal, PasswordInput, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { act } from '~/lib/api/action'
import { checkCalendar } from '~/lib/api/calendar'
import { newKey, Problem } from '~/lib/api/client'
import type { Action } from '~/lib/api/core'
import { readAccounts } from '~/lib/api/people'
import { readRelease } from '~/lib/api/release'
import { toLocal } from '~/lib/instants'
import { zone } from '~/lib/time'
import { type Field, looks, type Values } from './actionLooks'
import { Slots } from './Slots'
import { ProblemView } from './States'

/** Asks what the action needs, states its effect, and keeps what was typed when the answer is a refusal. */
export function ActionDialog({
  action,
  at,
  name,
  initial = {},
  onClose,
}: {
  action: Pick<Action, 'name' | 'label' | 'effect' | 'needs_reason'>
  at: string
  name: string
  /** What stands in the fields at first. */
  initial?: Values
  onClose: () => void
}) {
  const look = looks(action.name, action.needs_reason)
  const client = useQueryClient()
  const [values, setValues] = useState<Values>(initial)
  // One key for all tries of this dialog: an answer lost on the way cannot make the action happen twice.
  const [key, setKey] = useState(newKey)
  const set = (field: string, value: string) => setValues(old => ({ ...old, [field]: value }))
  const run = useMutation({
    mutationFn: () => {
      const filled = Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim() !== ''))
      return act(at, action.name, look.body ? look.body(filled) : filled, key)
    },
    onError: error => {
      // An answer did come: another try is another question.
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: receipt => {
      const told = receipt?.entries?.[0]?.summary
      notifications.show({ color: 'teal', title: `${action.label}: ${name}`, message: told ?? 'Done and recorded' })
      void client.invalidateQueries()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run.mutate()
  }
  const missing = look.fields.some(field => field.required && !values[field.name]?.trim())
  const offered = run.error instanceof Problem ? run.error.body.slots : []
  return (
    <Modal
      opened
      onClose={onClose}
      title={`${action.label}: ${name}`}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <div className="effect">
            <Text size="xs" fw={600} c="dimmed">
              Effect
            </Text>
            <Text size="sm">{action.effect || 'Recorded in the ledger under your name; it cannot be unsaid.'}</Text>
          </div>
          {look.fields.map((field, index) => (
            <FieldInput
              key={field.name}
              field={field}
              value={values[field.name] ?? ''}
              first={index === 0}
              onChange={value => set(field.name, value)}
            />
          ))}
          {action.name === 'plan' && offered.length === 0 && (
            <FreeSlots at={at} chosen={values.start} onChoose={start => set('start', toLocal(start))} />
          )}
          {run.isError && <ProblemView error={run.error} onSlot={start => set('start', toLocal(start))} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Keep as it is
            </Button>
            <Button
              type="submit"
              color={look.color}
              loading={run.isPending}
              disabled={missing}
              data-autofocus={look.fields.length === 0 || undefined}
              data-testid="confirm"
            >
              {action.label}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** Where the release could go, as the calendar has it from now on. */
function FreeSlots({ at, chosen, onChoose }: { at: string; chosen?: string; onChoose: (start: string) => void }) {
  const id = decodeURIComponent(at.split('/').at(-1) ?? '')
  const free = useQuery({
    queryKey: ['calendar', 'free', id],
    queryFn: async () => {
      const { spec } = await readRelease(id)
      const services = spec.items.map(it => it.service)
      return checkCalendar({ services, environment: spec.environment, length: spec.length })
    },
  })
  return <Slots title="Free windows" slots={free.data?.slots ?? []} chosen={chosen} onChoose={onChoose} />
}

function FieldInput({
  field,
  value,
  first,
  onChange,
}: {
  field: Field
  value: string
  first: boolean
  onChange: (value: string) => void
}) {
  const common = {
    label: field.kind === 'instant' ? `${field.label} (${zone()})` : field.label,
    description: field.hint,
    required: field.required,
    name: field.name,
    'data-autofocus': first || undefined,
  }
  const typed = (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  switch (field.kind) {
    case 'text':
    case 'lines':
      return <Textarea {...common} autosize minRows={2} maxRows={8} maxLength={4000} value={value} onChange={typed} />
    case 'instant':
      return <TextInput {...common} type="datetime-local" step={1} value={value} onChange={typed} />
    case 'choice':
      return <Select {...common} data={field.options ?? []} value={value || null} onChange={it => onChange(it ?? '')} />
    case 'password':
      return <PasswordInput {...common} autoComplete="current-password" value={value} onChange={typed} />
    case 'person':
      return <PersonSelect {...common} value={value} onChange={onChange} />
    default:
      return <TextInput {...common} value={value} onChange={typed} />
  }
}

/** A person by login. */
export function PersonSelect({
  value,
  onChange,
  ...rest
}: {
  label: string
  description?: string
  required?: boolean
  name?: string
  value: string
  onChange: (login: string) => void
}) {
  const accounts = useQuery({ queryKey: ['people', 'accounts'], queryFn: readAccounts })
  const people = (accounts.data?.items ?? []).filter(it => it.kind === 'human' && !it.status.is_terminal)
  return (
    <Select
      {...rest}
      searchable
      clearable={!rest.required}
      data={people.map(it => ({ value: it.login, label: it.name }))}
      value={value || null}
      onChange={it => onChange(it ?? '')}
    />
  )
}
