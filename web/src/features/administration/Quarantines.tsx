import { Card, Table, Text } from '@mantine/core'
import { IconBiohazard } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { readQuarantines } from '~/lib/api/artifact'
import { shortDigest } from '~/lib/format'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Quarantines() {
  const quarantines = useQuery({ queryKey: ['artifacts', 'quarantines'], queryFn: readQuarantines })
  return (
    <Loaded result={quarantines}>
      {data => (
        <Card padding={0}>
          {data.items.length === 0 ? (
            <Empty title="Nothing is held back" icon={IconBiohazard}>
              What a failed canary or a rollback convicts is held back here, everywhere, at once.
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={720}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Artefact</Table.Th>
                    <Table.Th>Why</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th>Since</Table.Th>
                    <Table.Th>
                      <span className="visually-hidden">Actions</span>
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map(it => (
                    <Table.Tr key={it.id}>
                      <Table.Td>
                        <Text size="sm" fw={560}>
                          {it.service.name} {it.version}
                        </Text>
                        <Id value={it.digest} show={shortDigest(it.digest)} />
                      </Table.Td>
                      <Table.Td>
                        <Text size="sm">{it.reason}</Text>
                        {it.because_of && (
                          <Link to={`/releases/${it.because_of.id}`} className="link small">
                            {it.because_of.name}
                          </Link>
                        )}
                      </Table.Td>
                      <Table.Td>
                        <StatusBadge status={it.status} size="sm" />
                      </Table.Td>
                      <Table.Td className="nowrap">
                        <Time at={it.since} />
                      </Table.Td>
                      <Table.Td>
                        {!it.status.is_terminal && (
                          <ActionBar
                            actions={it.actions}
                            at={address('quarantines', it.id)}
                            name={`${it.service.name} ${it.version ?? ''}`}
                            size="xs"
                          />
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
  )
}
