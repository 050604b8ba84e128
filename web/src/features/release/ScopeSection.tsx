import { Badge, Button, Group, Stack, Table, Text } from '@mantine/core'
import { IconGitCommit, IconPackage } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { Artefact, Commit, Release } from '~/lib/api/release'
import { bytes, plural, shortDigest } from '~/lib/format'
import { VerdictBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

export function ScopeSection({ release }: { release: Release }) {
  const { scope } = release
  return (
    <Section
      id="scope"
      title="Scope"
      icon={IconPackage}
      flush
      aside={
        <Text size="xs" c="dimmed">
          {plural(scope.commits.length, 'commit')} · {plural(scope.artefacts.length, 'artefact')}
        </Text>
      }
    >
      {scope.artefacts.length === 0 ? (
        <Empty small title="No artefact yet" command={`interlock release attach ${release.name} --artefact <digest>`}>
          Attach what your pipeline built; its digest and signature are checked at once.
        </Empty>
      ) : (
        <Artefacts artefacts={scope.artefacts} />
      )}
      <div className="section-body divided">
        <Stack gap="md">
          {scope.changes.length > 0 && (
            <Stack gap={6}>
              {scope.changes.map(change => (
                <Group key={change.id} gap={8} wrap="wrap">
                  <Badge variant="outline" color="gray">
                    {change.class}
                  </Badge>
                  <Badge variant="outline" color={change.impact === 'high' ? 'orange' : 'gray'}>
                    impact {change.impact}
                  </Badge>
                  <Text size="sm" fw={550}>
                    {change.title}
                  </Text>
                  <Id value={change.id} show={change.name} />
                  <Text size="xs" c="dimmed">
                    by {change.authors.join(', ')}
                  </Text>
                </Group>
              ))}
            </Stack>
          )}
          <Commits commits={scope.commits} repository={scope.repository} from={scope.from} to={scope.to} />
        </Stack>
      </div>
    </Section>
  )
}

function Artefacts({ artefacts }: { artefacts: Artefact[] }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Artefact</Table.Th>
            <Table.Th>Digest</Table.Th>
            <Table.Th>Signature</Table.Th>
            <Table.Th>Size</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {artefacts.map(artefact => (
            <Table.Tr key={artefact.id}>
              <Table.Td>
                <Link to={`/services/${artefact.service.id}`} className="link strong">
                  {artefact.service.name}
                </Link>
                <Text size="xs" c="dimmed">
                  {artefact.from_version ? `${artefact.from_version} → ` : ''}
                  {artefact.version}
                </Text>
              </Table.Td>
              <Table.Td>
                <Id value={artefact.digest} show={shortDigest(artefact.digest)} />
                {artefact.quarantined && (
                  <Text size="xs" c="red" fw={600}>
                    Quarantined: may not be deployed anywhere
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <VerdictBadge verdict={artefact.signature.verdict} />
                <Text size="xs" c="dimmed">
                  {artefact.signature.verdict === 'pass'
                    ? `signed by ${artefact.signature.signer}`
                    : artefact.signature.detail}
                </Text>
              </Table.Td>
              <Table.Td className="nowrap">{bytes(artefact.bytes)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Commits({
  commits,
  repository,
  from,
  to,
}: {
  commits: Commit[]
  repository: string
  from: string
  to: string
}) {
  const [all, setAll] = useState(false)
  const shown = all ? commits : commits.slice(0, 5)
  return (
    <div>
      <Group gap={6} mb={6} className="muted">
        <IconGitCommit size={15} aria-hidden />
        <Text size="xs" c="dimmed">
          {repository} · {from}..{to}
        </Text>
      </Group>
      <ul className="plain">
        {shown.map(commit => (
          <li key={commit.sha} className="commit">
            <Id value={commit.sha} show={commit.sha.slice(0, 9)} />
            <Text size="sm" className="ellipsis commit-subject">
              {commit.subject}
            </Text>
            <Text size="xs" c="dimmed" className="nowrap">
              {commit.author} · <Time at={commit.authored_at} />
            </Text>
          </li>
        ))}
      </ul>
      {commits.length > 5 && (
        <Button size="compact-xs" variant="subtle" onClick={() => setAll(!all)} mt={4} className="no-print">
          {all ? 'Show fewer' : `Show all ${commits.length}`}
        </Button>
      )}
    </div>
  )
}
