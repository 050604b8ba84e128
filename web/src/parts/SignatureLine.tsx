import { Text } from '@mantine/core'
import { IconSignature } from '@tabler/icons-react'
import type { Schemas } from '~/lib/api/core'
import { shortDigest } from '~/lib/format'
import { exact } from '~/lib/time'
import { Id } from './Id'

/** Who signed, when, what it means, how it was proved, and what was signed (21 CFR 11.50). */
export function SignatureLine({ signature }: { signature: Schemas['Signature'] }) {
  return (
    <Text size="xs" c="dimmed" component="div" className="inline" data-testid="signature">
      <IconSignature size={14} aria-hidden /> Signed by {signature.by.name}, {exact(signature.at)}: {signature.meaning},
      proved by {signature.proof}, over <Id value={signature.signed} show={shortDigest(signature.signed)} />
    </Text>
  )
}
