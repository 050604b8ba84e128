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
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { issueToken, readTokens, revokeToken } from '~/lib/api/people'
import { StatusBadge } from '~/parts/Badges'
import { Command, Empty, Loaded, ProblemView } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Tokens() {
  const tokens = useQuery({ queryKey: ['people', 'tokens'], queryFn: readTokens })
  const client = useQueryClient()
  const [making, setMaking] = useState(false)
  const revoke = useMutation({
    mutationFn: revokeToken,
    onSettled: () => client.invalidateQueries({ queryKey: ['people', 'tokens'] }),
  })
  return (
    <Stack>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          Programs sign in with tokens. Only a hash is kept; a token is shown once.
        </Text>
        <Button leftSection={<IconPlus size={15} />} onClick={() => setMaking(true)}>
          Make a token
        </Button>
      </Group>
      {revoke.isError && <ProblemView error={revoke.error} />}
      <Loaded result={tokens}>
        {data => (
          <Card padding={0}>
            {data.items.length === 0 && (
              <Empty title="No token yet" icon={IconKey} command="interlock token issue ci --lasts 90d">
                Your build needs one to register what it made and to ask for a gate:
              </Empty>
            )}
            {data.items.length > 0 && (
              <Table.ScrollContainer minWidth={600}>
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Name</Table.Th>
                      <Table.Th>May</Table.Th>
                      <Table.Th>State</Table.Th>
                      <Table.Th>Expires</Table.Th>
                      <Table.Th>Issued</Table.Th>
                      <Table.Th>
                        <span className="visually-hidden">Actions</span>
                      </Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {data.items.map(token => (
                      <Table.Tr key={token.id}>
                        <Table.Td>
                          <Text size="sm" fw={560}>
                            {token.name}
                          </Text>
                          <Text size="xs" c="dimmed">
                            {token.owner.name}
                          </Text>
                        </Table.Td>
                        <Table.Td>
                          <Group gap={4}>
                            {(token.scopes ?? ['all its account may']).map(scope => (
                              <Badge key={scope} variant="default" size="sm">
                                {scope}
                              </Badge>
                            ))}
                          </Group>
                        </Table.Td>
                        <Table.Td>
                          <StatusBadge status={token.status} size="sm" />
                        </Table.Td>
                        <Table.Td>
                          <Time at={token.expires_at} />
                        </Table.Td>
                        <Table.Td>
                          <Time at={token.issued_at} />
                        </Table.Td>
                        <Table.Td>
                          {!token.status.is_terminal && (
                            <Button
                              size="compact-xs"
                              variant="subtle"
                              color="red"
                              onClick={() => revoke.mutate(token.id)}
                            >
                              Revoke
                            </Button>
                          )}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )}
          </Card>
        )}
      </Loaded>
      {making && <MakeToken onClose={() => setMaking(false)} />}
    </Stack>
  )
}

/** Actions a token can be limited to; policies may name others. */
const scopes = ['read', 'artifact.register', 'change.open', 'release.plan', 'release.freeze', 'deployment.start']

function MakeToken({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<string[]>([])
  const [days, setDays] = useState('90')
  const make = useMutation({
    mutationFn: () => issueToken({ name, lasts: `${days}d`, scopes: chosen.length > 0 ? chosen : null }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['people', 'tokens'] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  return (
    <Modal opened onClose={onClose} title="Make a token" closeButtonProps={{ 'aria-label': 'Close' }}>
      {make.data ? (
        <Stack>
          <Alert color="teal" title="Copy it now">
            It is shown once and cannot be read again.
            <Command text={make.data.secret} />
          </Alert>
          <Button onClick={onClose}>I have copied it</Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label="Name"
              required
              data-autofocus
              value={name}
              onChange={event => setName(event.currentTarget.value)}
            />
            <TagsInput
              label="Limited to"
              description="Actions as policies name them; none: all that you may do."
              data={scopes}
              value={chosen}
              onChange={setChosen}
            />
            <Select
              label="Expires after"
              allowDeselect={false}
              data={[
                { value: '30', label: '30 days' },
                { value: '90', label: '90 days' },
                { value: '365', label: 'a year' },
              ]}
              value={days}
              onChange={value => setDays(value ?? '90')}
            />
            {make.isError && <ProblemView error={make.error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={make.isPending} disabled={!name}>
                Make it
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}
