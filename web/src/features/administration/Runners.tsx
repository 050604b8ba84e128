import {
  Alert,
  Badge,
  Button,
  Card,
  Group,
  Modal,
  Select,
  Stack,
  Table,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconServerBolt } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { inviteRunner, type Runner, readRunners } from '~/lib/api/runner'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Command, Empty, Loaded, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Runners() {
  const runners = useQuery({ queryKey: ['runners'], queryFn: readRunners, refetchInterval: 10_000 })
  const [inviting, setInviting] = useState(false)
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          Runners do the steps, from where the targets are reached. One runs within the server; these dial in.
        </Text>
        <Button leftSection={<IconPlus size={15} />} onClick={() => setInviting(true)}>
          Invite a runner
        </Button>
      </Group>
      <Loaded result={runners}>
        {data => (
          <Card padding={0}>
            {data.items.length === 0 ? (
              <Empty
                title="No runner from elsewhere yet"
                icon={IconServerBolt}
                command="interlock runner invite berlin-1 --labels region=berlin"
              >
                The runner within the server does every step. Invite one to reach other networks:
              </Empty>
            ) : (
              <Table.ScrollContainer minWidth={820}>
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Name</Table.Th>
                      <Table.Th>State</Table.Th>
                      <Table.Th>Last heard from</Table.Th>
                      <Table.Th>Steps</Table.Th>
                      <Table.Th>Version</Table.Th>
                      <Table.Th>
                        <span className="visually-hidden">Actions</span>
                      </Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {data.items.map(runner => (
                      <Row key={runner.id} runner={runner} />
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )}
          </Card>
        )}
      </Loaded>
      {inviting && <InviteDialog onClose={() => setInviting(false)} />}
    </Stack>
  )
}

function Row({ runner }: { runner: Runner }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={560}>
          {runner.name}
        </Text>
        <Group gap={4}>
          {Object.entries(runner.labels).map(([name, value]) => (
            <Badge key={name} variant="default" size="sm">
              {name}={value}
            </Badge>
          ))}
        </Group>
      </Table.Td>
      <Table.Td>
        <StatusBadge status={runner.status} size="sm" />
        {runner.invited_until && (
          <Text size="xs" c="dimmed">
            invited until <Time at={runner.invited_until} />
          </Text>
        )}
      </Table.Td>
      <Table.Td className="nowrap">{runner.last_contact ? <Time at={runner.last_contact} /> : '–'}</Table.Td>
      <Table.Td>
        {runner.slots ? `${runner.running} of ${runner.slots}` : runner.running}
        {runner.deployments.map(it => (
          <Link key={it.id} to={`/deployments/${it.id}`} className="link small">
            {' '}
            {it.name}
          </Link>
        ))}
      </Table.Td>
      <Table.Td>{runner.version || '–'}</Table.Td>
      <Table.Td>
        <ActionBar actions={runner.actions} at={address('runners', runner.name)} name={runner.name} size="xs" />
      </Table.Td>
    </Table.Tr>
  )
}

/** Labels as people type them: `name=value`. */
const labelled = (texts: string[]) =>
  Object.fromEntries(
    texts
      .map(text => text.split('=', 2).map(part => part.trim()))
      .filter((parts): parts is [string, string] => parts.length === 2 && parts[0] !== ''),
  )

function InviteDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [labels, setLabels] = useState<string[]>([])
  const [lasts, setLasts] = useState('1h')
  const invite = useMutation({
    mutationFn: () => inviteRunner({ name, labels: labelled(labels), lasts }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['runners'] }),
  })
  const wrong = labels.some(text => !/^[^=]+=.+$/.test(text))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    invite.mutate()
  }
  const server = window.location.origin
  return (
    <Modal opened onClose={onClose} title="Invite a runner" closeButtonProps={{ 'aria-label': 'Close' }} size="lg">
      {invite.data ? (
        <Stack>
          <Alert color="teal" title="Copy it now">
            The token is shown once, is good once, and only for {invite.data.name}, until{' '}
            <Time at={invite.data.until} />. Put it into a file on the runner's machine.
            <Command text={invite.data.token} />
          </Alert>
          <Text size="sm">On that machine:</Text>
          <Command
            text={`interlock runner enrol --server ${server} --token-file ${invite.data.name}.token --data /var/lib/interlock-runner`}
          />
          <Command text="interlock runner --data /var/lib/interlock-runner" />
          <Text size="sm" c="dimmed">
            It says which keys it trusts permits from. Compare: {invite.data.permit_keys.map(key => key.id).join(', ')}
          </Text>
          <Button onClick={onClose}>I have copied it</Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label="Name"
              description="Unique in the installation: a-z, 0-9 and -."
              required
              data-autofocus
              value={name}
              onChange={event => setName(event.currentTarget.value)}
            />
            <TagsInput
              label="Labels"
              description="What it reaches and can do, as name=value. The runner cannot change them."
              error={wrong && 'Write each as name=value'}
              value={labels}
              onChange={setLabels}
            />
            <Select
              label="Good for"
              allowDeselect={false}
              data={[
                { value: '1h', label: 'an hour' },
                { value: '1d', label: 'a day' },
                { value: '7d', label: 'a week' },
              ]}
              value={lasts}
              onChange={value => setLasts(value ?? '1h')}
            />
            {invite.isError && <ProblemView error={invite.error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={invite.isPending} disabled={!name || wrong}>
                Invite
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}
