import { Card, Table, Text } from '@mantine/core'
import { IconPackage } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { readArtifacts } from '~/lib/api/artifact'
import { bytes, plural, shortDigest } from '~/lib/format'
import { StatusBadge, VerdictBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'
import { EvidenceButton } from './EvidenceButton'

export function Artifacts() {
  const artifacts = useQuery({ queryKey: ['artifacts', ''], queryFn: () => readArtifacts() })
  return (
    <Loaded result={artifacts}>
      {data => (
        <Card padding={0}>
          {data.items.length === 0 ? (
            <Empty title="No artefact yet" icon={IconPackage} command="interlock artifact register --help">
              Your build registers what it made, with its signature and its commits.
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={720}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Artefact</Table.Th>
                    <Table.Th>Digest</Table.Th>
                    <Table.Th>Signature</Table.Th>
                    <Table.Th>Holds</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th>Registered</Table.Th>
                    <Table.Th>Evidence</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {data.items.map(it => (
                    <Table.Tr key={it.id}>
                      <Table.Td>
                        <Link to={`/services/${it.service.id}`} className="link strong">
                          {it.service.name}
                        </Link>
                        <Text size="xs" c="dimmed">
                          {it.version}
                        </Text>
                      </Table.Td>
                      <Table.Td>
                        <Id value={it.digest} show={shortDigest(it.digest)} />
                      </Table.Td>
                      <Table.Td>
                        <VerdictBadge verdict={it.signature.verdict} />
                      </Table.Td>
                      <Table.Td className="nowrap">
                        {bytes(it.size)} · {plural(it.commits, 'commit')}
                      </Table.Td>
                      <Table.Td>
                        <StatusBadge status={it.status} size="sm" />
                      </Table.Td>
                      <Table.Td className="nowrap">
                        <Time at={it.registered_at} />
                      </Table.Td>
                      <Table.Td>
                        <EvidenceButton digest={it.digest} name={it.name} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Card>
      )}
    </Loaded>
  )
}
