import { Table, Text } from '@mantine/core'
import { IconListSearch } from '@tabler/icons-react'
import { Link } from 'react-router'
import type { Figure } from '~/lib/api/learning'
import { count } from '~/lib/format'
import { Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'
import { inUnit } from './words'

export function Observations({ figure }: { figure: Figure }) {
  return (
    <Section title={`${figure.label}: what it was counted from`} icon={IconListSearch} flush>
      {figure.observations.length === 0 ? (
        <Empty small title="Nothing observed in this span" />
      ) : (
        <Table.ScrollContainer minWidth={560}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Release</Table.Th>
                <Table.Th>Environment</Table.Th>
                <Table.Th>Counted as</Table.Th>
                {figure.unit !== 'per_day' && <Table.Th>Value</Table.Th>}
                <Table.Th>Entry</Table.Th>
                <Table.Th>When</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {figure.observations.map((item, index) => (
                <Table.Tr key={`${item.position} ${index}`} data-testid="observation">
                  <Table.Td>
                    {item.release && (
                      <Link to={`/releases/${item.release.id}`} className="link strong">
                        {item.release.name}
                      </Link>
                    )}
                  </Table.Td>
                  <Table.Td>{item.environment?.name}</Table.Td>
                  <Table.Td>{item.detail}</Table.Td>
                  {figure.unit !== 'per_day' && (
                    <Table.Td className="number">{inUnit(item.value, figure.unit)}</Table.Td>
                  )}
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
      )}
    </Section>
  )
}
