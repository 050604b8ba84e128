import { Avatar, Badge, Card, Group, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { address } from '~/lib/api/action'
import { type Account, readAccounts } from '~/lib/api/people'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'

export function People() {
  const people = useQuery({ queryKey: ['people', 'accounts'], queryFn: readAccounts })
  return (
    <Loaded result={people}>
      {data => (
        <Card padding={0}>
          {data.items.length === 0 ? (
            <Empty title="Nobody yet" command="interlock apply -f people.yaml">
              People are manifests with their roles and the addresses they commit with.
            </Empty>
          ) : (
            <Accounts accounts={data.items} />
          )}
        </Card>
      )}
    </Loaded>
  )
}

function Accounts({ accounts }: { accounts: Account[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Account</Table.Th>
            <Table.Th>Roles</Table.Th>
            <Table.Th>Groups</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Delegates to</Table.Th>
            <Table.Th>Erasure</Table.Th>
            <Table.Th>Id</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {accounts.map(account => (
            <Table.Tr key={account.id}>
              <Table.Td>
                <Group gap="sm" wrap="nowrap">
                  <Avatar name={account.name} color="indigo" size={30} radius="xl" alt="" />
                  <div>
                    <Text size="sm" fw={560}>
                      {account.name}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {account.login}
                      {account.kind === 'robot' && `, robot of ${account.owner?.name ?? 'nobody'}`}
                      {account.email && ` · ${account.email}`}
                    </Text>
                  </div>
                </Group>
              </Table.Td>
              <Table.Td>
                <Names names={account.roles} />
              </Table.Td>
              <Table.Td>
                <Names names={account.groups} />
              </Table.Td>
              <Table.Td>
                <StatusBadge status={account.status} size="sm" />
              </Table.Td>
              <Table.Td>
                {account.delegates_to
                  .filter(it => !it.status.is_terminal)
                  .map(it => it.to.name)
                  .join(', ') || 'nobody'}
              </Table.Td>
              <Table.Td>
                <ActionBar
                  actions={account.actions}
                  at={address('accounts', account.id)}
                  name={account.name}
                  size="compact-sm"
                  only={['erase']}
                />
              </Table.Td>
              <Table.Td>
                <Id value={account.id} show={`${account.id.slice(0, 12)}…`} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

const Names = ({ names }: { names: string[] }) => (
  <Group gap={4}>
    {names.map(name => (
      <Badge key={name} variant="default">
        {name}
      </Badge>
    ))}
  </Group>
)
