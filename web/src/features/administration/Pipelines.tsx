import { Accordion, Badge, Card, Group, Table, Text } from '@mantine/core'
import { IconRoute2 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type Pipeline, readPipelines } from '~/lib/api/deployment'
import { plural } from '~/lib/format'
import { Empty, Loaded } from '~/parts/States'

export function Pipelines() {
  const pipelines = useQuery({ queryKey: ['pipelines'], queryFn: readPipelines })
  return (
    <Loaded result={pipelines}>
      {data => (
        <Card padding={0}>
          {data.items.length === 0 ? (
            <Empty title="No pipeline yet" icon={IconRoute2} command="interlock apply -f pipeline.yaml">
              A pipeline says how a service gets onto a target, step by step.
            </Empty>
          ) : (
            <Accordion multiple defaultValue={data.items.slice(0, 1).map(it => it.id)}>
              {data.items.map(pipeline => (
                <Accordion.Item key={pipeline.id} value={pipeline.id}>
                  <Accordion.Control>
                    <Text size="sm" fw={560}>
                      {pipeline.name}
                    </Text>
                    <Text size="xs" c="dimmed">
                      {plural(pipeline.spec.steps.length, 'step')}, at most {pipeline.spec.max_parallel ?? 8} at once
                    </Text>
                  </Accordion.Control>
                  <Accordion.Panel>
                    <Steps pipeline={pipeline} />
                  </Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
          )}
        </Card>
      )}
    </Loaded>
  )
}

type Run = Pipeline['spec']['steps'][number]['run']

function does(run: Run): [string, string] {
  if (run.program) return ['program', run.program.apply.join(' ')]
  if (run.http) return ['http', `${run.http.method ?? 'GET'} ${run.http.url}`]
  if (run.traffic) return ['traffic', `${run.traffic.server} in ${run.traffic.pool} gets ${run.traffic.weight}`]
  return ['wait', run.wait ?? '']
}

function Steps({ pipeline }: { pipeline: Pipeline }) {
  return (
    <Table.ScrollContainer minWidth={620}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th>Does</Table.Th>
            <Table.Th>Within</Table.Th>
            <Table.Th>Tries</Table.Th>
            <Table.Th>On rollback</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {pipeline.spec.steps.map(step => {
            const [kind, words] = does(step.run)
            return (
              <Table.Tr key={step.name}>
                <Table.Td className="nowrap">
                  <Text size="sm" fw={550}>
                    {step.name}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {step.phase === 'settle' ? 'after the verdict' : 'before the verdict'}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Group gap={8} wrap="nowrap">
                    <Badge variant="default" size="sm">
                      {kind}
                    </Badge>
                    <code className="breaks small">{words}</code>
                  </Group>
                </Table.Td>
                <Table.Td className="nowrap">{step.timeout}</Table.Td>
                <Table.Td>{step.attempts ?? 1}</Table.Td>
                <Table.Td>{step.on_rollback ?? 'apply'}</Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
