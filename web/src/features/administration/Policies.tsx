import { Accordion, Badge, Card, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { readPolicies } from '~/lib/api/policy'
import { count, shortDigest } from '~/lib/format'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'

export function Policies() {
  const policies = useQuery({ queryKey: ['policies'], queryFn: readPolicies })
  return (
    <Loaded result={policies}>
      {data => (
        <Stack>
          {data.digest && (
            <Text size="sm" c="dimmed" component="div">
              The set in force: <Id value={data.digest} show={shortDigest(data.digest)} />, packs{' '}
              {data.packs.map(pack => `${pack.name} ${pack.version}`).join(', ')}
              {data.since != null && (
                <>
                  , since{' '}
                  <Link to={`/ledger/${data.since}`} className="link">
                    entry {count(data.since)}
                  </Link>
                </>
              )}
              . Every verdict names the set it was given by.
            </Text>
          )}
          <Card padding={0}>
            {data.policies.length === 0 ? (
              <Empty title="No policy" command="interlock apply -f policies.yaml">
                Without a policy nothing is permitted.
              </Empty>
            ) : (
              <Accordion multiple>
                {data.policies.map(policy => (
                  <Accordion.Item key={policy.id} value={policy.id}>
                    <Accordion.Control>
                      <Group justify="space-between" wrap="nowrap" gap="sm">
                        <div className="min0">
                          <Text size="sm" fw={560}>
                            {policy.title || policy.id}
                          </Text>
                          <Text size="xs" c="dimmed">
                            {policy.pack} · {policy.id}
                            {policy.control && ` · ${policy.control}`}
                          </Text>
                        </div>
                        <Badge variant="outline" color={policy.effect === 'forbid' ? 'red' : 'teal'}>
                          {policy.effect}
                        </Badge>
                      </Group>
                    </Accordion.Control>
                    <Accordion.Panel>
                      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
                      <pre className="bytes boxed" tabIndex={0}>
                        {policy.text}
                      </pre>
                    </Accordion.Panel>
                  </Accordion.Item>
                ))}
              </Accordion>
            )}
          </Card>
        </Stack>
      )}
    </Loaded>
  )
}
