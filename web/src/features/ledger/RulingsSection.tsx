import { Button, Group, Stack, Text } from '@mantine/core'
import { IconRefresh, IconScale } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { Link } from 'react-router'
import { type RecomputedRuling, recompute } from '~/lib/api/past'
import { VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { ProblemView } from '~/parts/States'

const said = { pass: 'the same, to the byte', fail: 'different', inconclusive: 'could not be recomputed' }

/** Asks the policies of then again, with the facts of then. */
export function RulingsSection({ position }: { position: number }) {
  const run = useMutation({ mutationFn: () => recompute(position) })
  return (
    <Section
      title="Rulings"
      icon={IconScale}
      aside={
        <>
          <Button component={Link} to={`/ledger/${position}/knowledge`} size="compact-sm" variant="default">
            What was known
          </Button>
          <Button
            size="compact-sm"
            leftSection={<IconRefresh size={15} />}
            onClick={() => run.mutate()}
            loading={run.isPending}
            data-testid="recompute"
          >
            Recompute
          </Button>
        </>
      }
    >
      {run.isError && <ProblemView error={run.error} />}
      {!run.data && !run.isError && (
        <Text size="sm" c="dimmed">
          The button asks the policies that were in force again, with the facts they judged by, and compares.
        </Text>
      )}
      {run.data?.length === 0 && <Text size="sm">This entry rests on no ruling that it records.</Text>}
      {run.data && run.data.length > 0 && <Rulings rulings={run.data} />}
    </Section>
  )
}

export function Rulings({ rulings }: { rulings: RecomputedRuling[] }) {
  return (
    <Stack gap="sm" aria-live="polite">
      {rulings.map(it => (
        <Group key={it.name} gap={8} wrap="nowrap" align="flex-start" data-testid="ruling" data-outcome={it.verdict}>
          <VerdictIcon verdict={it.verdict} size={18} />
          <div className="min0">
            <Text size="sm" fw={550}>
              {it.name}: {it.recorded.verdict}; recomputed {said[it.verdict]}
            </Text>
            <Text size="xs" c="dimmed">
              by {it.recorded.policies.join(', ') || 'no policy that is named'} · {it.why}
            </Text>
            {it.request != null && (
              <details>
                <summary>Facts</summary>
                <pre className="bytes bytes-wrap boxed">{JSON.stringify(it.request, null, 2)}</pre>
              </details>
            )}
          </div>
        </Group>
      ))}
    </Stack>
  )
}
