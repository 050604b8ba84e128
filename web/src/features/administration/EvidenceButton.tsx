import { Anchor, Badge, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { IconFileText, IconSignature } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { SignButton } from '~/features/release/CriteriaSection'
import { type Evidence, readEvidence } from '~/lib/api/evidence'
import { plural, shortDigest } from '~/lib/format'
import { Empty, Loaded } from '~/parts/States'
import { Time } from '~/parts/Time'

/** What tools have said about a build, and who has signed it. */
export function EvidenceButton({ digest, name }: { digest: string; name: string }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)} aria-label={`Evidence about ${name}`}>
        Evidence
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={`Evidence about ${name}`} size="lg">
        <List digest={digest} />
      </Modal>
    </>
  )
}

function List({ digest }: { digest: string }) {
  const list = useQuery({ queryKey: ['evidence', digest], queryFn: () => readEvidence(digest) })
  return (
    <Loaded result={list}>
      {data => (
        <Stack gap="md">
          {data.evidence.length === 0 && (
            <Empty
              small
              title="No evidence is attached"
              command={`interlock evidence attach report.xml --artifact ${shortDigest(digest)} --kind junit --name unit-tests`}
            >
              Test reports, scans, bills of materials and signed statements are attached by whoever builds.
            </Empty>
          )}
          {data.evidence.map(it => (
            <One key={it.id} evidence={it} />
          ))}
          {data.former > 0 && (
            <Text size="xs" c="dimmed">
              {plural(data.former, 'earlier one')} of the same names, in the ledger.
            </Text>
          )}
        </Stack>
      )}
    </Loaded>
  )
}

function One({ evidence }: { evidence: Evidence }) {
  const maySign = evidence.actions.find(it => it.name === 'sign')
  return (
    <div className="criterion">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600}>
          {evidence.name}
        </Text>
        <Badge variant="light" color={evidence.unreadable ? 'yellow' : 'gray'}>
          {evidence.kind}
        </Badge>
      </Group>
      <Text size="sm">{evidence.says}</Text>
      <Group gap="xs">
        <Anchor size="xs" href={`/api/v1/blobs/${encodeURIComponent(evidence.document)}`} className="inline">
          <IconFileText size={13} aria-hidden /> {evidence.tool ?? 'document'}, {shortDigest(evidence.document)}
        </Anchor>
        <Text size="xs" c="dimmed" component="span">
          <Time at={evidence.attached_at} prefix="attached" />
          {evidence.attached_by && ` by ${evidence.attached_by.name}`}
        </Text>
      </Group>
      {evidence.signatures.map(it => (
        <Text key={it.by.id + it.meaning} size="xs" className="inline">
          <IconSignature size={14} aria-hidden /> {it.by.name} signed it as {it.meaning} <Time at={it.at} />
          {it.reason ? `: ${it.reason}` : ''}
        </Text>
      ))}
      {maySign?.allowed && (
        <div>
          <SignButton id={evidence.id} name={evidence.name} />
        </div>
      )}
    </div>
  )
}
