import { Anchor, Badge, Group, SimpleGrid, Stack, Table, Text } from '@mantine/core'
import { IconChevronRight, IconInfoCircle, IconRocket, IconServer2, IconTopologyStar3 } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import type { Ref } from '~/lib/api/core'
import { readService, type Service } from '~/lib/api/service'
import { count, plural } from '~/lib/format'
import { severityColor, severityIcon } from '~/lib/labels'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Fact, PageHeader, Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function ServicePage() {
  const { id = '' } = useParams()
  const service = useQuery({ queryKey: ['services', id], queryFn: () => readService(id) })
  return <Loaded result={service}>{data => <Page service={data} />}</Loaded>
}

const Names = ({ refs, none }: { refs: Ref[]; none: string }) =>
  refs.length === 0 ? (
    none
  ) : (
    <Group gap={8}>
      {refs.map(ref => (
        <Link key={ref.id} to={`/services/${ref.id}`} className="link">
          {ref.name}
        </Link>
      ))}
    </Group>
  )

function Page({ service }: { service: Service }) {
  const Icon = severityIcon[service.criticality.severity]
  return (
    <>
      <PageHeader
        title={service.name}
        above={
          <Group gap={4} className="crumbs">
            <Anchor component={Link} to="/services" size="sm" c="dimmed">
              Services
            </Anchor>
            <IconChevronRight size={13} aria-hidden />
            <Id value={service.id} />
          </Group>
        }
        lead={
          <Group gap={8}>
            <Badge color={severityColor[service.criticality.severity]} variant="light" leftSection={<Icon size={13} />}>
              {service.criticality.label}
            </Badge>
            <span>{service.description}</span>
          </Group>
        }
      />
      <Stack gap="md">
        <Section title="About" icon={IconInfoCircle}>
          <SimpleGrid cols={{ base: 2, md: 5 }}>
            <Fact label="Owner">{service.owner}</Fact>
            <Fact label="Users">{count(service.users)}</Fact>
            <Fact label="Revenue an hour">{count(service.revenue_per_hour)}</Fact>
            <Fact label="Data classes">{service.data_classes.join(', ') || 'none'}</Fact>
            <Fact label="Repository">
              {service.spec.repository ? (
                <Id value={service.spec.repository} show={service.spec.repository.split('/').slice(-2).join('/')} />
              ) : (
                'not known'
              )}
            </Fact>
          </SimpleGrid>
        </Section>
        <Section title="Dependencies" icon={IconTopologyStar3}>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Fact label="Needs">
              <Names refs={service.depends_on.map(id => ({ id, name: id }))} none="nothing" />
            </Fact>
            <Fact label="Needed by">
              <Names refs={service.dependents} none="nobody" />
            </Fact>
          </SimpleGrid>
        </Section>
        <Section title="Versions" icon={IconServer2} flush>
          {service.versions.length === 0 && <Empty small title="Nothing is known to run" />}
          <Table.ScrollContainer minWidth={460}>
            <Table>
              <Table.Tbody>
                {service.versions.map(version => (
                  <Table.Tr key={version.environment.id + version.digest}>
                    <Table.Td>
                      <Link to={`/environments/${version.environment.id}`} className="link strong">
                        {version.environment.name}
                      </Link>
                    </Table.Td>
                    <Table.Td className="version">{version.version}</Table.Td>
                    <Table.Td>
                      <Time at={version.since} prefix="since" />
                    </Table.Td>
                    <Table.Td>
                      {plural(version.targets, 'target')}
                      {version.quarantined && (
                        <Text span size="sm" c="red" fw={600}>
                          {' '}
                          quarantined
                        </Text>
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Section>
        <Section title="Releases" icon={IconRocket} flush>
          {service.releases.length === 0 && <Empty small title="Never released" />}
          <Table.ScrollContainer minWidth={460}>
            <Table>
              <Table.Tbody>
                {service.releases.map(release => (
                  <Table.Tr key={release.id}>
                    <Table.Td>
                      <Link to={`/releases/${release.id}`} className="link strong">
                        {release.name}
                      </Link>
                    </Table.Td>
                    <Table.Td>
                      <StatusBadge status={release.status} size="sm" />
                    </Table.Td>
                    <Table.Td>
                      <Text size="sm" c="dimmed" component="span">
                        <Time at={release.at} />
                      </Text>
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Section>
      </Stack>
    </>
  )
}
