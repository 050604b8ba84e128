import { Anchor, Badge, Group, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { IconCalendarUser, IconChevronRight, IconServer, IconSnowflake, IconUserShield } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { address } from '~/lib/api/action'
import { type Environment, readEnvironment } from '~/lib/api/environment'
import { during, spanned } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function EnvironmentPage() {
  const { id = '' } = useParams()
  const environment = useQuery({ queryKey: ['environments', id], queryFn: () => readEnvironment(id) })
  return <Loaded result={environment}>{data => <Page environment={data} />}</Loaded>
}

function Page({ environment }: { environment: Environment }) {
  return (
    <>
      <PageHeader
        title={environment.name}
        above={
          <Group gap={4} className="crumbs">
            <Anchor component={Link} to="/environments" size="sm" c="dimmed">
              Environments
            </Anchor>
            <IconChevronRight size={13} aria-hidden />
            <Id value={environment.id} />
          </Group>
        }
        lead={
          <Group gap={8}>
            <StatusBadge status={environment.status} />
            <span>{environment.tier}</span>
            {environment.deployment && (
              <Link to={`/deployments/${environment.deployment.id}`} className="link">
                being deployed: {environment.deployment.name}
              </Link>
            )}
          </Group>
        }
        actions={
          <ActionBar
            actions={environment.actions}
            at={address('environments', environment.id)}
            name={environment.name}
          />
        }
      />
      <Stack gap="md">
        {environment.freeze && (
          <div className="sentence" style={{ '--sentence-color': 'var(--mantine-color-blue-outline)' } as object}>
            <IconSnowflake size={22} aria-hidden />
            <Text fw={560}>
              Closed: {environment.freeze.title}, {during(environment.freeze)}. Source: {environment.freeze.source}.
            </Text>
          </div>
        )}
        <Section title="Who may deploy" icon={IconUserShield}>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <Fact label="Tier">
              {environment.tier}
              {environment.production_like ? ', production-like: production rules apply' : ''}
            </Fact>
            <Fact label="Whoever has a role of">{environment.spec.deployers?.roles?.join(', ') || 'none'}</Fact>
            <Fact label="or is in a group of">{environment.spec.deployers?.groups?.join(', ') || 'none'}</Fact>
          </SimpleGrid>
        </Section>
        <Section title="Targets" icon={IconServer} flush>
          <Table.ScrollContainer minWidth={560}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Target</Table.Th>
                  <Table.Th>Service</Table.Th>
                  <Table.Th>Version</Table.Th>
                  <Table.Th>Labels</Table.Th>
                  <Table.Th>State</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {environment.target_list.map(target => (
                  <Table.Tr key={target.id + target.service.id}>
                    <Table.Td>
                      <Text size="sm" fw={550}>
                        {target.name}
                      </Text>
                      <Id value={target.address} />
                    </Table.Td>
                    <Table.Td>
                      <Link to={`/services/${target.service.id}`} className="link">
                        {target.service.name}
                      </Link>
                    </Table.Td>
                    <Table.Td>
                      <span className="version">{target.version ?? 'not known'}</span>
                      {target.since && (
                        <Text size="xs" c="dimmed" component="div">
                          <Time at={target.since} prefix="since" />
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td>
                      <Group gap={4}>
                        {Object.entries(target.labels).map(([key, value]) => (
                          <Badge key={key} variant="default" size="sm">
                            {key}={value}
                          </Badge>
                        ))}
                      </Group>
                    </Table.Td>
                    <Table.Td>
                      <StatusBadge status={target.status} size="sm" />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Section>
        <Section title="Claims" icon={IconCalendarUser} flush>
          {environment.claims.length === 0 ? (
            <Empty small title="Nobody holds it" command={`interlock environment claim ${environment.name}`}>
              A claim keeps others from deploying for a span of time:
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={460}>
              <Table>
                <Table.Tbody>
                  {environment.claims.map(claim => (
                    <Table.Tr key={claim.id}>
                      <Table.Td>
                        <Text size="sm" fw={550}>
                          {claim.holder.name}
                        </Text>
                        <Text size="xs" c="dimmed">
                          {claim.purpose}
                        </Text>
                      </Table.Td>
                      <Table.Td>{spanned(claim.start, claim.end)}</Table.Td>
                      <Table.Td>
                        <StatusBadge status={claim.status} size="sm" />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Section>
      </Stack>
    </>
  )
}
