import { Card, Group, Table, Text, Tooltip } from '@mantine/core'
import { IconArrowsSplit, IconServer2, IconShieldLock, IconSnowflake } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { type Cell, type Matrix, readMatrix } from '~/lib/api/environment'
import { during } from '~/lib/time'
import { SeverityIcon } from '~/parts/Badges'
import { PageHeader } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

export function Environments() {
  const matrix = useQuery({ queryKey: ['environments', 'matrix'], queryFn: readMatrix })
  return (
    <>
      <PageHeader title="Environments" lead="Which version of each service runs where, and since when" />
      <Loaded result={matrix} rows={6}>
        {data => (
          <Card padding={0}>
            {data.environments.length === 0 ? (
              <Empty title="No environment yet" icon={IconServer2} command="interlock apply -f environment.yaml">
                An environment is a manifest with its targets and who may deploy to it.
              </Empty>
            ) : (
              <MatrixTable matrix={data} />
            )}
          </Card>
        )}
      </Loaded>
    </>
  )
}

function MatrixTable({ matrix }: { matrix: Matrix }) {
  return (
    <Table.ScrollContainer minWidth={180 + matrix.environments.length * 170}>
      <Table className="matrix" highlightOnHover={false} withColumnBorders>
        <Table.Thead>
          <Table.Tr>
            <Table.Th className="matrix-service">Service</Table.Th>
            {matrix.environments.map(environment => (
              <Table.Th key={environment.id}>
                <Group gap={6} wrap="nowrap">
                  <Link to={`/environments/${environment.id}`} className="link strong">
                    {environment.name}
                  </Link>
                  {environment.production_like && (
                    <Tooltip label="Production-like: production rules apply">
                      <IconShieldLock size={14} aria-label="production-like" />
                    </Tooltip>
                  )}
                </Group>
                {environment.freeze ? (
                  <Tooltip
                    label={`${environment.freeze.title}, ${during(environment.freeze)} (${environment.freeze.source})`}
                  >
                    <Text size="xs" c="blue" fw={550} className="inline">
                      <IconSnowflake size={12} aria-hidden /> {environment.status.label.toLowerCase()}
                    </Text>
                  </Tooltip>
                ) : (
                  <Text size="xs" c="dimmed" fw={400}>
                    {environment.tier}
                  </Text>
                )}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {matrix.services.map(service => (
            <Table.Tr key={service.id}>
              <Table.Th scope="row" className="matrix-service">
                <Link to={`/services/${service.id}`} className="link strong">
                  {service.name}
                </Link>
                <Text size="xs" c="dimmed" fw={400}>
                  {service.owner}
                </Text>
              </Table.Th>
              {matrix.environments.map(environment => (
                <MatrixCell
                  key={environment.id}
                  cell={matrix.cells.find(c => c.service === service.id && c.environment === environment.id)}
                />
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function MatrixCell({ cell }: { cell: Cell | undefined }) {
  if (!cell)
    return (
      <Table.Td>
        <Text size="sm" c="dimmed">
          not there
        </Text>
      </Table.Td>
    )
  return (
    <Table.Td>
      <Group gap={6} wrap="nowrap">
        <Tooltip label={cell.status.label}>
          <span className="inline">
            <SeverityIcon severity={cell.status.severity} size={15} />
            <span className="visually-hidden">{cell.status.label}</span>
          </span>
        </Tooltip>
        {cell.release ? (
          <Link to={`/releases/${cell.release.id}`} className="link version">
            {cell.version}
          </Link>
        ) : (
          <span className="version">{cell.version ?? 'not known'}</span>
        )}
        {cell.mixed.length > 0 && (
          <Tooltip label={`Beside it: ${cell.mixed.join(' and ')}`}>
            <Text size="xs" c="orange" fw={550} className="inline">
              <IconArrowsSplit size={13} aria-hidden /> mixed
            </Text>
          </Tooltip>
        )}
      </Group>
      <Text size="xs" c="dimmed" component="span">
        {cell.since && <Time at={cell.since} />}
      </Text>
    </Table.Td>
  )
}
