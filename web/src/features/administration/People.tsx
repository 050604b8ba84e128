import { Avatar, Badge, Card, Group, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { readPeople } from '~/lib/api/administration'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function People() {
  const people = useQuery({ queryKey: ['people'], queryFn: readPeople })
  return (
    <Loaded result={people}>
      {data => (
        <Card padding={0}>
          {data.items.length === 0 && (
            <Empty title="Nobody yet" command="interlock apply -f people.yaml">
              People are manifests with their roles and Git identities.
            </Empty>
          )}
          <Table.ScrollContainer minWidth={640}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Person</Table.Th>
                  <Table.Th>Roles</Table.Th>
                  <Table.Th>State</Table.Th>
                  <Table.Th>Delegates to</Table.Th>
                  <Table.Th>Last seen</Table.Th>
                  <Table.Th>Id</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.items.map(person => (
                  <Table.Tr key={person.id}>
                    <Table.Td>
                      <Group gap="sm" wrap="nowrap">
                        <Avatar name={person.name} color="initials" size={30} radius="xl" alt="" />
                        <div>
                          <Text size="sm" fw={560}>
                            {person.name}
                          </Text>
                          <Text size="xs" c="dimmed">
                            {person.email}
                          </Text>
                        </div>
                      </Group>
                    </Table.Td>
                    <Table.Td>
                      <Group gap={4}>
                        {person.roles.map(role => (
                          <Badge key={role} variant="default">
                            {role}
                          </Badge>
                        ))}
                      </Group>
                    </Table.Td>
                    <Table.Td>
                      <StatusBadge status={person.status} size="sm" />
                    </Table.Td>
                    <Table.Td>{person.delegates_to?.name ?? 'nobody'}</Table.Td>
                    <Table.Td>{person.last_seen_at ? <Time at={person.last_seen_at} /> : 'never'}</Table.Td>
                    <Table.Td>
                      <Id value={person.id} show={`${person.id.slice(0, 12)}…`} />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Card>
      )}
    </Loaded>
  )
}
