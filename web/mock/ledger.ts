/** A real little Merkle log with a real signature, so that the proof on the page is truly checked. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { at, hour, minute, people, type Schemas } from './basics.ts'

const hash = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const system = { id: 'system', name: 'Interlock' }
const kinds = [
  ['release.planned', 'checkout-1-1 planned for production', 'info', people.rita, 'release'],
  ['artifact.registered', 'checkout 2.8.0 registered, signature by build key 2026-03', 'neutral', system, 'release'],
  [
    'change.approval_refused',
    'Rita Moreau may not approve checkout-1-1: she wrote part of it',
    'warning',
    people.rita,
    'release',
  ],
  ['change.approved', 'Amir Haddad approved with a condition', 'good', people.amir, 'release'],
  ['change.approved', 'Bea Fischer approved', 'good', people.bea, 'release'],
  ['gate.evaluated', 'Gate “Security scan” passes', 'good', system, 'release'],
  ['release.permit_issued', 'Permit issued for 60 minutes, bound to 2 digests', 'info', system, 'release'],
  ['deployment.started', 'Deployment to production started', 'info', people.olu, 'deployment'],
  ['deployment.step_done', 'prod-1: artefact verified', 'good', system, 'deployment'],
  ['verification.smoke_passed', 'prod-1: smoke test passed before traffic returned', 'good', system, 'deployment'],
  ['verification.canary_looked', 'Canary: look 12, evidence 1.8×', 'neutral', system, 'deployment'],
] as const

const size = 420
const records = Array.from({ length: size }, (_, i) => {
  const [kind, summary, severity, actor, noun] = kinds[i % kinds.length]!
  const body = Buffer.from(
    JSON.stringify({
      kind,
      version: 1,
      at: at(-(size - i) * 7 * minute - hour),
      actor: actor.id,
      release: 'rel_live',
      summary,
      key: `idem-${i}`,
    }),
  )
  return {
    position: i,
    at: at(-(size - i - 1) * 2 * minute),
    kind,
    summary,
    severity,
    actor,
    body,
    leaf: hash(Buffer.of(0), body),
    subject: { kind: noun, id: noun === 'release' ? 'rel_live' : 'dep_live', name: 'checkout-1-1' },
  }
})
const split = (n: number) => 2 ** Math.floor(Math.log2(n - 1))
const root = (from: number, to: number): Buffer =>
  to - from === 1
    ? records[from]!.leaf
    : hash(Buffer.of(1), root(from, from + split(to - from)), root(from + split(to - from), to))
const path = (m: number, from: number, to: number): Buffer[] => {
  if (to - from === 1) return []
  const k = from + split(to - from)
  return m < k ? [...path(m, from, k), root(k, to)] : [...path(m, k, to), root(from, k)]
}
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const raw = Buffer.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
const origin = 'interlock.demo.example/ledger'
const keyId = hash(Buffer.from(`${origin}\n`), Buffer.of(1), raw).subarray(0, 4)
const text = `${origin}\n${size}\n${root(0, size).toString('base64')}\n`
const checkpoint = `${text}\n— ${origin} ${Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)]).toString('base64')}\n`
const row = (r: (typeof records)[number]): Schemas['EntryRow'] => ({
  position: r.position,
  at: r.at,
  kind: r.kind,
  summary: r.summary,
  severity: r.severity,
  actor: { kind: r.actor === system ? 'system' : 'account', ...r.actor },
  subjects: [r.subject],
})

export const head = size
export function entries(q: URLSearchParams) {
  const has = (name: string) => q.get(name) ?? ''
  const before = Number(has('cursor') || 1e9)
  const found = records
    .filter(
      r =>
        r.position < before &&
        r.kind.startsWith(has('kind')) &&
        (!has('subject') || `${r.subject.kind}:${r.subject.id}` === has('subject')) &&
        r.summary.toLowerCase().includes(has('q').toLowerCase()),
    )
    .reverse()
  const items = found.slice(0, 40)
  return { items: items.map(row), next: found.length > 40 ? String(items.at(-1)!.position) : null }
}
export function entry(position: number): Schemas['Entry'] | undefined {
  const r = records[position]
  return (
    r && {
      ...row(r),
      submission: `sub_${position}`,
      body: r.body.toString('base64'),
      record: JSON.parse(r.body.toString()) as Record<string, never>,
      leaf_hash: `sha256:${r.leaf.toString('hex')}`,
      proof: {
        position,
        tree_size: size,
        hashes: path(position, 0, size).map(h => `sha256:${h.toString('hex')}`),
        root_hash: `sha256:${root(0, size).toString('hex')}`,
        checkpoint,
        verifier_key: `${origin}+${keyId.toString('hex')}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`,
      },
    }
  )
}
export const timeline = () => ({ items: records.slice(-26).map(row), next: null })
