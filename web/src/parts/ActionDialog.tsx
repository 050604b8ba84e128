import { Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { act, type Noun } from '~/lib/api/action'
import { newKey, Problem } from '~/lib/api/client'
import type { Action } from '~/lib/api/core'
import { looks } from './actionLooks'
import { ProblemView } from './States'

/** Asks what the action needs, states its effect, and keeps what was typed when the answer is a refusal. */
export function ActionDialog({
  action,
  noun,
  id,
  name,
  onClose,
}: {
  action: Action
  noun: Noun
  id: string
  name: string
  onClose: () => void
}) {
  const look = looks(action.name)
  const client = useQueryClient()
  const [values, setValues] = useState<Record<string, string>>({})
  // One key for all tries of this dialog: an answer lost on the way cannot make the action happen twice.
  const [key, setKey] = useState(newKey)
  const run = useMutation({
    mutationFn: () => {
      const filled = Object.fromEntries(Object.entries(values).filter(([, text]) => text.trim() !== ''))
      return act(noun, id, action.name, filled, key)
    },
    onError: error => {
      // An answer did come: another try is another question.
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: () => {
      notifications.show({ color: 'teal', title: action.label, message: `${name}: done and recorded` })
      void client.invalidateQueries()
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run.mutate()
  }
  const missing = look.fields.some(field => field.required && !values[field.name]?.trim())
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
            <Text size="sm">{action.effect ?? 'Recorded in the ledger under your name; it cannot be unsaid.'}</Text>
          </div>
          {look.fields.map((field, index) => {
            const Input = field.long ? Textarea : TextInput
            return (
              <Input
                key={field.name}
                label={field.label}
                description={field.hint}
                required={field.required}
                data-autofocus={index === 0 || undefined}
                {...(field.long ? { autosize: true, minRows: 2, maxRows: 8 } : {})}
                value={values[field.name] ?? ''}
                onChange={event => {
                  setValues({ ...values, [field.name]: event.currentTarget.value })
                }}
              />
            )
          })}
          {run.isError && <ProblemView error={run.error} />}
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
