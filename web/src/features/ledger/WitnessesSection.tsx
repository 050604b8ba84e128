import { Group, Stack, Table, Text } from '@mantine/core'
import { IconEye } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { readWitnesses } from '~/lib/api/ledger'
import { count } from '~/lib/format'
import { StatusBadge, VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

/** Who signs the checkpoints beside the ledger itself; nothing is shown where nobody was asked to. */
export function WitnessesSection() {
  const result = useQuery({ queryKey: ['witnesses'], queryFn: readWitnesses, refetchInterval: 10_000 })
  const data = result.data
  if (!data || data.witnesses.length === 0) return null
  return (
    <Section title="Witnesses" icon={IconEye}>
      <Stack gap="sm">
        <Group gap={8} data-testid="witnessed" data-outcome={data.verdict}>
          <VerdictIcon verdict={data.verdict} size={18} />
          <Text size="sm">{data.summary}</Text>
        </Group>
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Witness</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>Signed</Table.Th>
                <Table.Th>Behind</Table.Th>
                <Table.Th>When</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data.witnesses.map(it => (
                <Table.Tr key={it.name}>
                  <Table.Td>
                    <Text size="sm">{it.name}</Text>
                    {it.trouble && (
                      <Text size="xs" c="dimmed" className="breaks">
                        {it.trouble}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <StatusBadge status={it.status} size="sm" />
                  </Table.Td>
                  <Table.Td className="number">{count(it.size)}</Table.Td>
                  <Table.Td className="number">{count(it.behind)}</Table.Td>
                  <Table.Td className="nowrap">{it.signed_at && <Time at={it.signed_at} />}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {data.witnessed && (
          <details>
            <summary>Newest witnessed checkpoint</summary>
            <pre className="bytes bytes-wrap boxed">{data.witnessed.checkpoint}</pre>
          </details>
        )}
      </Stack>
    </Section>
  )
}
