import { Button, Group, Stack, Text } from '@mantine/core'
import { IconCertificate, IconShieldCheck } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import type { Entry } from '~/lib/api/ledger'
import { plural } from '~/lib/format'
import { fromBase64, verify } from '~/lib/merkle'
import { VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'

/** The inclusion proof, checked in this browser rather than believed. */
export function ProofSection({ entry }: { entry: Entry }) {
  const { proof } = entry
  const check = useMutation({
    mutationFn: () =>
      verify({
        body: fromBase64(entry.body),
        leaf_hash: entry.leaf_hash,
        leaf_index: proof.position,
        hashes: proof.hashes,
        checkpoint: proof.checkpoint,
        verifier_key: proof.verifier_key,
      }),
  })
  return (
    <Section
      title="Proof"
      icon={IconCertificate}
      aside={
        <Button
          size="compact-sm"
          leftSection={<IconShieldCheck size={15} />}
          onClick={() => check.mutate()}
          loading={check.isPending}
          data-testid="verify"
        >
          Verify in this browser
        </Button>
      }
    >
      <Stack gap="md">
        {check.data ? (
          <Stack gap={8} aria-live="polite">
            {check.data.map(item => (
              <Group
                key={item.label}
                gap={8}
                wrap="nowrap"
                align="flex-start"
                data-testid="check"
                data-outcome={item.outcome}
              >
                <VerdictIcon verdict={item.outcome} size={18} />
                <div className="min0">
                  <Text size="sm" fw={550}>
                    {item.label}: {item.outcome}
                  </Text>
                  <Text size="xs" c="dimmed" className="mono breaks">
                    {item.detail}
                  </Text>
                </div>
              </Group>
            ))}
          </Stack>
        ) : (
          <Text size="sm" c="dimmed">
            {plural(proof.hashes.length, 'hash', 'hashes')} lead from this entry to the signed root of{' '}
            {plural(proof.tree_size, 'entry', 'entries')}. The button hashes the bytes below and walks the path here.
          </Text>
        )}
        <div>
          <Text size="xs" fw={600} c="dimmed" mb={4}>
            Checkpoint (signed note)
          </Text>
          <pre className="bytes bytes-wrap boxed">{proof.checkpoint}</pre>
        </div>
        <details>
          <summary>Audit path</summary>
          <ol className="mono path">
            {proof.hashes.map(hash => (
              <li key={hash} className="breaks">
                {hash}
              </li>
            ))}
          </ol>
        </details>
      </Stack>
    </Section>
  )
}
