import { Alert, Badge, Card, Group, SegmentedControl, Table, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconBox, IconRefreshAlert } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useSearchParams } from 'react-router'
import { readGraph, readServices, type ServiceRow } from '~/lib/api/service'
import { count, plural } from '~/lib/format'
import { severityColor, severityIcon } from '~/lib/labels'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loaded, Loading } from '~/parts/States'

const ServiceGraph = lazy(() => import('./ServiceGraph'))

export function Services() {
  const services = useQuery({ queryKey: ['services'], queryFn: readServices })
  const graph = useQuery({ queryKey: ['services', 'graph'], queryFn: readGraph })
  const [params, setParams] = useSearchParams()
  const phone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false })
  const view = params.get('view') ?? (phone ? 'table' : 'graph')
  return (
    <>
      <PageHeader
        title="Services"
        lead={
          services.data
            ? `${plural(services.data.items.length, 'service')} and what they depend on`
            : 'What they are and depend on'
        }
        actions={
          <SegmentedControl
            aria-label="View"
            value={view}
            onChange={value => setParams({ view: value }, { replace: true })}
            data={[
              { value: 'graph', label: 'Graph' },
              { value: 'table', label: 'Table' },
            ]}
          />
        }
      />
      <Loaded result={services}>
        {data =>
          data.items.length === 0 ? (
            <Empty title="No service yet" icon={IconBox} command="interlock apply -f service.yaml">
              A service is a manifest with its owner, criticality and dependencies.
            </Empty>
          ) : (
            <>
              {graph.data?.cycles.map(cycle => (
                <Alert
                  key={cycle.join()}
                  color="orange"
                  variant="light"
                  icon={<IconRefreshAlert size={18} />}
                  mb="md"
                  title="Dependency cycle"
                >
                  {[...cycle, cycle[0]].join(' → ')}. Allowed, but none of them can be restored without the others.
                </Alert>
              ))}
              {view === 'graph' ? (
                <Card padding={0} className="graph">
                  <Loaded result={graph}>
                    {picture => (
                      <Suspense fallback={<Loading rows={5} />}>
                        <ServiceGraph graph={picture} services={data.items} />
                      </Suspense>
                    )}
                  </Loaded>
                </Card>
              ) : (
                <ServiceTable services={data.items} />
              )}
            </>
          )
        }
      </Loaded>
    </>
  )
}

function ServiceTable({ services }: { services: ServiceRow[] }) {
  return (
    <Card padding={0}>
      <Table.ScrollContainer minWidth={640}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Service</Table.Th>
              <Table.Th>Criticality</Table.Th>
              <Table.Th>Owner</Table.Th>
              <Table.Th>Users</Table.Th>
              <Table.Th>Data</Table.Th>
              <Table.Th>Depends on</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {services.map(service => {
              const Icon = severityIcon[service.criticality.severity]
              return (
                <Table.Tr key={service.id}>
                  <Table.Td>
                    <Link to={`/services/${service.id}`} className="link strong">
                      {service.name}
                    </Link>
                    <Text size="xs" c="dimmed" lineClamp={1}>
                      {service.mixed.length > 1 ? service.mixed.join(' and ') : service.production_version}
                    </Text>
                  </Table.Td>
                  <Table.Td>
                    <Badge
                      color={severityColor[service.criticality.severity]}
                      variant="light"
                      leftSection={<Icon size={13} />}
                    >
                      {service.criticality.label}
                    </Badge>
                  </Table.Td>
                  <Table.Td>{service.owner}</Table.Td>
                  <Table.Td>{count(service.users)}</Table.Td>
                  <Table.Td>
                    <Group gap={4}>
                      {service.data_classes.map(c => (
                        <Badge key={c} size="sm" variant="default">
                          {c}
                        </Badge>
                      ))}
                    </Group>
                  </Table.Td>
                  <Table.Td>{service.depends_on.join(', ') || 'nothing'}</Table.Td>
                </Table.Tr>
              )
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  )
}
