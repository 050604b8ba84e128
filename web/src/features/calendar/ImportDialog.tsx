import { Button, FileInput, Group, List, Modal, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { type Imported, importCalendar, type WindowKind } from '~/lib/api/calendar'
import { exact, zone } from '~/lib/time'
import { Blockers } from '~/parts/Blockers'
import { ProblemView } from '~/parts/States'
import { kinds } from './events'

/** Takes over the calendar of another program: first what would change and which plans that closes, then the change. */
export function ImportDialog({ onClose }: { onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null)
  const [name, setName] = useState('')
  const [owner, setOwner] = useState('')
  const [kind, setKind] = useState<WindowKind>('freeze')
  const [where, setWhere] = useState(zone())
  const cache = useQueryClient()
  const run = useMutation({
    mutationFn: async (dryRun: boolean) =>
      importCalendar(name, { owner, kind, zone: where, text: (await file?.text()) ?? '', dry_run: dryRun }),
    onSuccess: done => {
      if (done.receipt) void cache.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run.mutate(true)
  }
  const edit = <T,>(set: (value: T) => void) => {
    return (value: T) => {
      set(value)
      run.reset()
    }
  }
  return (
    <Modal opened onClose={onClose} title="Import a calendar" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <FileInput
            label="File"
            description="An iCalendar file (.ics), as calendar programs export it"
            placeholder="Choose a file"
            accept=".ics,text/calendar"
            required
            value={file}
            onChange={edit(setFile)}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name of the calendar"
              description="One that exists is replaced"
              required
              value={name}
              onChange={event => edit(setName)(event.currentTarget.value)}
            />
            <TextInput
              label="Owner"
              description="The group that answers for it"
              required
              value={owner}
              onChange={event => edit(setOwner)(event.currentTarget.value)}
            />
            <Select
              label="Its events are"
              description="Unless their categories say so"
              required
              allowDeselect={false}
              data={kinds.filter(it => it.value !== 'contract_renewal')}
              value={kind}
              onChange={value => value && edit(setKind)(value as WindowKind)}
            />
            <TextInput
              label="Time zone"
              description="Of whole days and of times without a zone"
              required
              value={where}
              onChange={event => edit(setWhere)(event.currentTarget.value)}
            />
          </SimpleGrid>
          {run.data && <Changes it={run.data} />}
          {run.isError && <ProblemView error={run.error} />}
          <Group justify="flex-end">
            {run.data?.receipt ? (
              <Button onClick={onClose}>Close</Button>
            ) : (
              <>
                <Button type="submit" variant="default" loading={run.isPending} disabled={!file || !name || !owner}>
                  Show what would change
                </Button>
                <Button disabled={!run.data} loading={run.isPending} onClick={() => run.mutate(false)}>
                  Import
                </Button>
              </>
            )}
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

function Changes({ it }: { it: Imported }) {
  const count = [
    `${it.added.length} added`,
    `${it.changed.length} changed`,
    `${it.removed.length} removed`,
    `${it.unchanged} as before`,
  ]
  return (
    <Stack gap="sm" className="effect" aria-live="polite" data-testid="import-answer">
      <Text fw={560}>
        {it.receipt ? 'Imported: ' : 'Would change: '}
        {count.join(', ')}
      </Text>
      <List size="sm">
        {it.added.slice(0, 8).map(window => (
          <List.Item key={window.name}>New: {window.reason || window.name}</List.Item>
        ))}
        {it.changed.slice(0, 8).map(({ after }) => (
          <List.Item key={after.name}>Changed: {after.reason || after.name}</List.Item>
        ))}
        {it.removed.slice(0, 8).map(window => (
          <List.Item key={window.name}>Gone: {window.reason || window.name}</List.Item>
        ))}
      </List>
      {it.left_out.length > 0 && (
        <>
          <Text size="sm" fw={560}>
            {it.left_out.length} events are no windows
          </Text>
          <List size="sm">
            {it.left_out.slice(0, 8).map(event => (
              <List.Item key={event.uid}>
                {event.summary || event.uid}: {event.why}
              </List.Item>
            ))}
          </List>
        </>
      )}
      {it.closes.length > 0 && (
        <Text size="sm" fw={560}>
          {it.receipt ? 'It closed' : 'It would close'} {it.closes.length} planned{' '}
          {it.closes.length === 1 ? 'release' : 'releases'}
        </Text>
      )}
      {it.closes.slice(0, 8).map(plan => (
        <div key={plan.release.id}>
          <Text size="sm">
            {plan.release.name}, planned for {exact(plan.window.start)}
            {plan.owner && `, of ${plan.owner.name}`}
          </Text>
          <Blockers blockers={plan.reasons} />
        </div>
      ))}
    </Stack>
  )
}
