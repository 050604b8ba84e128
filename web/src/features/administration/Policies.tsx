import { Accordion, Badge, Card, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { readPolicies } from '~/lib/api/administration'
import { count, shortDigest } from '~/lib/format'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'

export function Policies() {
  const policies = useQuery({ queryKey: ['policies'], queryFn: readPolicies })
  return (
    <Loaded result={policies}>
      {data => (
        <Stack>
          <Text size="sm" c="dimmed" component="div">
            The set in force: <Id value={data.set_digest} show={shortDigest(data.set_digest)} />. Every verdict names
            the set it was given by.
          </Text>
          <Card padding={0}>
            {data.items.length === 0 && (
              <Empty title="No policy" command="interlock apply -f policies/base/">
                Without a policy nothing is permitted.
              </Empty>
            )}
            <Accordion multiple>
              {data.items.map(policy => (
                <Accordion.Item key={policy.id} value={policy.id}>
                  <Accordion.Control>
                    <Group justify="space-between" wrap="nowrap" gap="sm">
                      <div className="min0">
                        <Text size="sm" fw={560}>
                          {policy.title}
                        </Text>
                        <Text size="xs" c="dimmed">
                          {policy.pack} · {policy.id} · stood in the way {count(policy.refusals)} of{' '}
                          {count(policy.evaluations)} times
                        </Text>
                      </div>
                      <Badge variant="outline" color={policy.effect === 'forbid' ? 'red' : 'teal'}>
                        {policy.effect}
                      </Badge>
                    </Group>
                  </Accordion.Control>
                  <Accordion.Panel>
                    <pre className="bytes boxed">{policy.text}</pre>
                  </Accordion.Panel>
                </Accordion.Item>
              ))}
            </Accordion>
          </Card>
        </Stack>
      )}
    </Loaded>
  )
}
