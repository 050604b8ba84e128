import { Group, Table, Text } from '@mantine/core'
import { IconListSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { type Figure, type MetricsFilter, readObservations } from '~/lib/api/metrics'
import { count } from '~/lib/format'
import { SeverityIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Observations({ figure, filter }: { figure: Figure; filter: MetricsFilter }) {
  const entries = useQuery({
    queryKey: ['metrics', figure.key, filter],
    queryFn: () => readObservations(figure.key, filter),
  })
  return (
    <Section title={`${figure.label}: what it was counted from`} icon={IconListSearch} flush>
      <Loaded result={entries}>
        {data =>
          data.items.length === 0 ? (
            <Empty small title="Nothing observed in this span" />
          ) : (
            <Table.ScrollContainer minWidth={560}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Release</Table.Th>
                    <Table.Th>Environment</Table.Th>
                    <Table.Th>Counted as</Table.Th>
                    <Table.Th>Value</Table.Th>
                    <Table.Th>Entry</Table.Th>
                    <Table.Th>When</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map(item => (
                    <Table.Tr key={item.position}>
                      <Table.Td>
                        <Link to={`/releases/${item.release.id}`} className="link strong">
                          {item.release.name}
                        </Link>
                      </Table.Td>
                      <Table.Td>{item.environment.name}</Table.Td>
                      <Table.Td>
                        <Group gap={6} wrap="nowrap">
                          <SeverityIcon severity={item.severity} size={15} />
                          {item.counted}
                        </Group>
                      </Table.Td>
                      <Table.Td className="number">{item.value}</Table.Td>
                      <Table.Td>
                        <Link to={`/ledger/${item.position}`} className="link">
                          {count(item.position)}
                        </Link>
                      </Table.Td>
                      <Table.Td>
                        <Text size="sm" c="dimmed" component="span">
                          <Time at={item.at} />
                        </Text>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Loaded>
    </Section>
  )
}
