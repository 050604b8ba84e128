import { Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { IconClipboardList, IconDoorEnter, IconFileText, IconSignature } from '@tabler/icons-react'
import { useState } from 'react'
import type { Criterion, CriterionResult, Release } from '~/lib/api/release'
import { shortDigest } from '~/lib/format'
import { useNow } from '~/lib/now'
import { position } from '~/lib/time'
import { ActionDialog } from '~/parts/ActionDialog'
import { VerdictBadge, VerdictIcon } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { Section } from '~/parts/Layout'
import { Empty } from '~/parts/States'
import { Time } from '~/parts/Time'

const asked: Record<string, string> = {
  'code-freeze': 'Code freeze',
  tests: 'Tests',
  findings: 'Findings',
  components: 'Components',
  statement: 'Statement',
}

/** What evidence has to show about every build, what it shows now, how long that holds, and what clears the rest. */
export function CriteriaSection({ release }: { release: Release }) {
  const { criteria, exceptions } = release
  const met = criteria.filter(it => it.verdict === 'pass').length
  return (
    <Section
      id="criteria"
      title="Criteria"
      icon={IconClipboardList}
      aside={
        criteria.length > 0 && (
          <Text size="xs" c="dimmed">
            {met} of {criteria.length} met
          </Text>
        )
      }
    >
      {criteria.length === 0 && (
        <Empty small title="No criteria are stated">
          A release may state what evidence has to show about its builds: tests, scans, bills of materials, signed
          statements, a code freeze. The gate “Evidence” opens only when all of it passes.
        </Empty>
      )}
      <div className="criteria">
        {criteria.map(it => (
          <Card key={it.name} criterion={it} release={release} />
        ))}
      </div>
      {exceptions.length > 0 && (
        <Stack gap={6} mt="md" component="ul" className="plain-list" aria-label="Exceptions">
          {exceptions.map(it => (
            <li key={it.criterion + it.at}>
              <Text size="sm">
                <b>
                  {it.commits.length === 1 ? '1 commit' : `${it.commits.length} commits`} let through {it.criterion}
                </b>{' '}
                by {it.by?.name ?? 'Interlock'}: {it.reason}
              </Text>
              <Text size="xs" c="dimmed" component="span">
                <Time at={it.at} />
              </Text>
            </li>
          ))}
        </Stack>
      )}
    </Section>
  )
}

function Card({ criterion, release }: { criterion: Criterion; release: Release }) {
  return (
    <article className="criterion" data-testid="criterion" data-verdict={criterion.verdict}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="sm">
        <div className="min0">
          <Text size="sm" fw={600}>
            {criterion.name}
          </Text>
          <Text size="xs" c="dimmed">
            {asked[criterion.asks] ?? criterion.asks}: {criterion.wanted}
          </Text>
        </div>
        <VerdictBadge verdict={criterion.verdict} />
      </Group>
      {criterion.results.map(it => (
        <Result key={it.service.id} criterion={criterion} result={it} release={release} />
      ))}
    </article>
  )
}

function Result({ criterion, result, release }: { criterion: Criterion; result: CriterionResult; release: Release }) {
  const [excepting, setExcepting] = useState(false)
  const { evidence, blocker } = result
  return (
    <div className="criterion-result">
      <Group gap={8} wrap="nowrap" align="flex-start">
        <VerdictIcon verdict={result.verdict} size={18} />
        <div className="min0">
          <Text size="sm">
            <b>
              {result.service.name} {result.version}
            </b>{' '}
            {result.found}
          </Text>
          <Group gap="xs">
            {evidence && (
              <Anchor
                size="xs"
                href={`/api/v1/blobs/${encodeURIComponent(evidence.document)}`}
                className="inline"
                aria-label={`Document ${evidence.name}`}
              >
                <IconFileText size={13} aria-hidden /> {evidence.name}
                {evidence.tool ? ` by ${evidence.tool}` : ''}, {shortDigest(evidence.document)}
              </Anchor>
            )}
            {result.made && (
              <Text size="xs" c="dimmed" component="span">
                <Time at={result.made} prefix="made" />
              </Text>
            )}
          </Group>
        </div>
      </Group>
      {result.made && result.until && result.verdict === 'pass' && (
        <Freshness made={result.made} until={result.until} />
      )}
      {evidence?.signatures.map(it => (
        <Text key={it.by.id + it.meaning} size="xs" className="inline">
          <IconSignature size={14} aria-hidden /> {it.by.name} signed it as {it.meaning} <Time at={it.at} />
          {it.reason ? `: ${it.reason}` : ''}
        </Text>
      ))}
      {result.excepted.length > 0 && (
        <Text size="xs" c="dimmed">
          Let pass: {result.excepted.join(', ')}
        </Text>
      )}
      {blocker && <Blockers blockers={[blocker]} />}
      <Group gap="xs">
        {evidence && blocker?.code === 'evidence-not-signed' && <SignButton id={evidence.id} name={evidence.name} />}
        {result.late_commits.length > 0 && (
          <Button
            size="compact-sm"
            variant="light"
            leftSection={<IconDoorEnter size={14} />}
            onClick={() => setExcepting(true)}
            data-action="except"
          >
            Let these commits through
          </Button>
        )}
      </Group>
      {excepting && (
        <ActionDialog
          action={{
            name: 'except',
            label: 'Except from the freeze',
            effect:
              'The commits named ship although they are younger than the freeze. It stands in every control report.',
            needs_reason: true,
          }}
          at={`/releases/${encodeURIComponent(release.id)}`}
          name={criterion.name}
          initial={{ criterion: criterion.name, commits: result.late_commits.join('\n') }}
          onClose={() => setExcepting(false)}
        />
      )}
    </div>
  )
}

/** Asks for the password again: a signature stands for a person, not for an open browser. */
export function SignButton({ id, name }: { id: string; name: string }) {
  const [signing, setSigning] = useState(false)
  return (
    <>
      <Button
        size="compact-sm"
        variant="light"
        leftSection={<IconSignature size={14} />}
        onClick={() => setSigning(true)}
        data-action="sign"
      >
        Sign it
      </Button>
      {signing && (
        <ActionDialog
          action={{
            name: 'sign',
            label: 'Sign',
            effect: 'Your name, the time and what your signature means stand under this document, for good.',
            needs_reason: false,
          }}
          at={`/evidence/${encodeURIComponent(id)}`}
          name={name}
          onClose={() => setSigning(false)}
        />
      )}
    </>
  )
}

/** How much of the time for which the evidence is good has gone by. */
function Freshness({ made, until }: { made: string; until: string }) {
  const now = useNow(30_000)
  const gone = Math.min(1, Math.max(0, position(now, made, until)))
  return (
    <div className="fresh">
      <div className="fresh-track" aria-hidden>
        <div className="fresh-gone" style={{ width: `${gone * 100}%` }} data-late={gone > 0.8 || undefined} />
      </div>
      <Text size="xs" c="dimmed" component="span">
        good <Time at={until} prefix="until" />
      </Text>
    </div>
  )
}
