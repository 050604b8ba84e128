import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { IconPackageExport } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { type TakeEvidence, takeEvidence } from '~/lib/api/ledger'
import { ProblemView } from '~/parts/States'
import { periodOf, save } from './pack'

/** Takes an evidence pack: of a release if one is given, else of a period that is asked for. */
export function PackButton({ release, name }: { release?: string; name: string }) {
  const [open, setOpen] = useState(false)
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const [names, setNames] = useState(false)
  const take = useMutation({
    mutationFn: async (what: Partial<TakeEvidence>) => save(await takeEvidence(what), `${name}.tar`),
    onSuccess: () => setOpen(false),
  })
  const period = release ? null : periodOf(from, to)
  return (
    <>
      <Button
        variant="default"
        size="compact-sm"
        leftSection={<IconPackageExport size={15} />}
        onClick={() => setOpen(true)}
        className="no-print"
        data-testid="pack"
      >
        Evidence pack
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title="Evidence pack">
        <Stack gap="md">
          <Text size="sm">
            One file with the entries, what proves them, the policies in force and the evidence they name.{' '}
            <code>interlock-verify</code> checks it without a server.
          </Text>
          {!release && (
            <Group grow>
              <TextInput
                type="date"
                label="From the beginning of (UTC)"
                value={from}
                onChange={event => setFrom(event.currentTarget.value)}
              />
              <TextInput
                type="date"
                label="To the end of (UTC)"
                value={to}
                onChange={event => setTo(event.currentTarget.value)}
                error={from && to && !period ? 'It has to end after it begins' : undefined}
              />
            </Group>
          )}
          <Checkbox
            label="Put the names of people in"
            description="They are not proven, and cannot be erased from the file any more."
            checked={names}
            onChange={event => setNames(event.currentTarget.checked)}
          />
          {take.isError && <ProblemView error={take.error} />}
          <Group justify="flex-end">
            <Button
              loading={take.isPending}
              disabled={!release && !period}
              onClick={() => take.mutate(release ? { release, names } : { ...period, names })}
              data-testid="take-pack"
            >
              Download
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
