import { Button, Group, Stack, Table, Text } from '@mantine/core'
import { IconGitCommit, IconPackage } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { Release, ReleaseItem } from '~/lib/api/release'
import { bytes, plural, shortDigest } from '~/lib/format'
import { VerdictBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { Section } from '~/parts/Layout'
import { Time } from '~/parts/Time'

export function ScopeSection({ release }: { release: Release }) {
  return (
    <Section
      id="scope"
      title="Scope"
      icon={IconPackage}
      flush
      aside={
        <Text size="xs" c="dimmed">
          {plural(release.commits_total, 'commit')} · {plural(release.items.length, 'artefact')}
        </Text>
      }
    >
      <Items items={release.items} />
      {release.commits.length > 0 && (
        <div className="section-body divided">
          <Commits release={release} />
        </div>
      )}
    </Section>
  )
}

function Items({ items }: { items: ReleaseItem[] }) {
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
          {items.map(item => (
            <Table.Tr key={item.digest + item.service.id}>
              <Table.Td>
                <Link to={`/services/${item.service.id}`} className="link strong">
                  {item.service.name}
                </Link>
                <Text size="xs" c="dimmed">
                  {item.from_version && item.from_version !== item.version ? `${item.from_version} → ` : ''}
                  {item.version}
                </Text>
              </Table.Td>
              <Table.Td>
                <Id value={item.digest} show={shortDigest(item.digest)} />
                {item.quarantined && (
                  <Text size="xs" c="red" fw={600}>
                    Quarantined: may not be deployed anywhere
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <VerdictBadge verdict={item.signature.verdict} />
                <Text size="xs" c="dimmed">
                  {item.signature.verdict === 'pass' && item.signature.signer
                    ? `signed by ${item.signature.signer}`
                    : item.signature.detail}
                </Text>
              </Table.Td>
              <Table.Td className="nowrap">{bytes(item.size)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Commits({ release }: { release: Release }) {
  const [all, setAll] = useState(false)
  const { commits, items } = release
  const shown = all ? commits : commits.slice(0, 5)
  const origins = [
    ...new Set(
      items
        .filter(it => it.repository)
        .map(
          it =>
            `${it.repository!.split('/').slice(-2).join('/')} ${it.since?.slice(0, 9) ?? ''}..${it.commit?.slice(0, 9) ?? ''}`,
        ),
    ),
  ]
  return (
    <Stack gap={6}>
      {origins.map(origin => (
        <Group key={origin} gap={6} className="muted" wrap="nowrap">
          <IconGitCommit size={15} aria-hidden />
          <Text size="xs" c="dimmed" className="breaks">
            {origin}
          </Text>
        </Group>
      ))}
      <ul className="plain">
        {shown.map(commit => (
          <li key={commit.sha + (commit.service ?? '')} className="commit">
            <Id value={commit.sha} show={commit.sha.slice(0, 9)} />
            <Text size="sm" className="ellipsis commit-subject">
              {commit.subject}
            </Text>
            <Text size="xs" c="dimmed" className="nowrap">
              {[commit.author_account?.name ?? commit.author, ...commit.co_authors].join(', ')} ·{' '}
              <Time at={commit.authored_at} />
            </Text>
          </li>
        ))}
      </ul>
      {commits.length > 5 && (
        <div>
          <Button size="compact-xs" variant="subtle" onClick={() => setAll(!all)} className="no-print">
            {all ? 'Show fewer' : `Show all ${commits.length}`}
          </Button>
        </div>
      )}
    </Stack>
  )
}
