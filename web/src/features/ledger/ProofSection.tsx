import { Button, Group, Stack, Text } from '@mantine/core'
import { IconCertificate, IconShieldCheck } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type Entry, readProof } from '~/lib/api/ledger'
import { plural } from '~/lib/format'
import { fromBase64, verify } from '~/lib/merkle'
import { VerdictIcon } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Loading, ProblemView } from '~/parts/States'

/** The inclusion proof, checked in this browser rather than believed. */
export function ProofSection({ entry }: { entry: Entry }) {
  const proof = useQuery({ queryKey: ['ledger', 'proof', entry.position], queryFn: () => readProof(entry.position) })
  const check = useMutation({
    mutationFn: async () => {
      const data = proof.data
      if (!data) return []
      return verify({
        body: fromBase64(entry.body),
        leaf_hash: entry.leaf_hash,
        leaf_index: data.leaf_index,
        hashes: data.hashes,
        checkpoint: data.checkpoint,
        verifier_key: data.verifier_key,
      })
    },
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
          disabled={!proof.data}
          data-testid="verify"
        >
          Verify in this browser
        </Button>
      }
    >
      {proof.isPending && <Loading rows={2} />}
      {proof.isError && <ProblemView error={proof.error} retry={() => void proof.refetch()} />}
      {proof.data && (
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
              {plural(proof.data.hashes.length, 'hash', 'hashes')} lead from this entry to the signed root of{' '}
              {plural(proof.data.tree_size, 'entry', 'entries')}. The button hashes the bytes below and walks the path
              here.
            </Text>
          )}
          <div>
            <Text size="xs" fw={600} c="dimmed" mb={4}>
              Checkpoint (signed note)
            </Text>
            <pre className="bytes bytes-wrap boxed">{proof.data.checkpoint}</pre>
          </div>
          <details>
            <summary>Audit path</summary>
            <ol className="mono path">
              {proof.data.hashes.map(hash => (
                <li key={hash}>{hash}</li>
              ))}
            </ol>
          </details>
        </Stack>
      )}
    </Section>
  )
}
