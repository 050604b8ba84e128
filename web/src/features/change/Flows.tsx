import { Card, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { readFlows } from '~/lib/api/governance'
import { Command, Loaded } from '~/parts/States'

/** What each class of change asks for beside approvals. */
export function Flows() {
  const flows = useQuery({ queryKey: ['flows'], queryFn: readFlows })
  return (
    <Loaded result={flows} rows={3}>
      {data => (
        <Card padding={0}>
          <Table.ScrollContainer minWidth={760}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Class</Table.Th>
                  <Table.Th>Lead time</Table.Th>
                  <Table.Th>Documents</Table.Th>
                  <Table.Th>Board</Table.Th>
                  <Table.Th>Approvals signed</Table.Th>
                  <Table.Th>After the event</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.items.map(({ class: name, spec, set }) => (
                  <Table.Tr key={name} data-testid="flow">
                    <Table.Td>
                      <Text size="sm" fw={560}>
                        {name}
                      </Text>
                      {!set && (
                        <Text size="xs" c="dimmed">
                          as shipped
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td>{spec.lead_time === '0s' ? 'none' : spec.lead_time}</Table.Td>
                    <Table.Td>{spec.documents?.join(', ') || 'none'}</Table.Td>
                    <Table.Td>{spec.board ? `${spec.board.board}, from ${spec.board.from} impact` : 'none'}</Table.Td>
                    <Table.Td>{spec.signed ? 'yes' : 'no'}</Table.Td>
                    <Table.Td>
                      {name === 'emergency'
                        ? `approval within ${spec.ratify_within}, review within ${spec.review_within}${spec.budget == null ? '' : `, at most ${spec.budget} in 30 days`}`
                        : 'nothing'}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <div className="section-body">
            <Command text="interlock change flow normal --lead-time 2d --document test-report --board cab --from high" />
          </div>
        </Card>
      )}
    </Loaded>
  )
}
