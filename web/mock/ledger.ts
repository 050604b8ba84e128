/** A real little Merkle log with a real signature, so that the proof on the page is truly checked. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { at, hour, minute, people } from './basics.ts'

const hash = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
const kinds = [
  ['release.planned', 'checkout-2026-47 planned for production', 'info', people.mara, 'release'],
  [
    'artifact.registered',
    'checkout 2.8.0 registered, signature by build key 2026-03',
    'neutral',
    people.system,
    'release',
  ],
  [
    'change.approval_refused',
    'Mara Lindqvist may not approve checkout-2026-47: she wrote part of it',
    'warning',
    people.mara,
    'release',
  ],
  ['change.approved', 'Priya Nair approved with a condition', 'good', people.priya, 'release'],
  ['change.approved', 'Jonas Weber approved', 'good', people.jonas, 'release'],
  ['gate.evaluated', 'Gate “Security scan” passes', 'good', people.system, 'release'],
  ['release.permit_issued', 'Permit issued for 60 minutes, bound to 2 digests', 'info', people.system, 'release'],
  ['deployment.started', 'Deployment to production started', 'info', people.tom, 'deployment'],
  ['deployment.step_done', 'prod-1: artefact verified', 'good', people.system, 'deployment'],
  [
    'verification.smoke_passed',
    'prod-1: smoke test passed before traffic returned',
    'good',
    people.system,
    'deployment',
  ],
  ['verification.canary_looked', 'Canary: look 12, evidence 1.8×', 'neutral', people.system, 'deployment'],
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
      release: 'rel_01k9live',
      summary,
      key: `idem-${i}`,
    }),
  )
  return {
    position: i + 1,
    at: at(-(size - i - 1) * 2 * minute),
    kind,
    summary,
    severity,
    actor,
    body,
    leaf: hash(Buffer.of(0), body),
    subject: { kind: noun, id: noun === 'release' ? 'rel_01k9live' : 'dep_01k9live', name: 'checkout-2026-47' },
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
const row = (r: (typeof records)[number]) => ({
  position: r.position,
  at: r.at,
  kind: r.kind,
  summary: r.summary,
  severity: r.severity,
  actor: r.actor,
  subject: r.subject,
})

export const head = size
export function entries(q: string, kind: string, subject: string, before: number) {
  const found = records
    .filter(
      r =>
        r.position < before &&
        (!kind || r.kind === kind) &&
        (!subject || r.subject.id === subject) &&
        (!q || `${r.position} ${r.summary} ${r.kind} ${r.actor.name}`.toLowerCase().includes(q.toLowerCase())),
    )
    .reverse()
  const items = found.slice(0, 40)
  return { items: items.map(row), next: found.length > 40 ? String(items.at(-1)!.position) : null }
}
export function entry(position: number) {
  const r = records[position - 1]
  return r && { ...row(r), body: r.body.toString('base64'), leaf_hash: r.leaf.toString('hex') }
}
export const proof = (position: number) => ({
  position,
  leaf_index: position - 1,
  tree_size: size,
  hashes: path(position - 1, 0, size).map(h => h.toString('hex')),
  root_hash: root(0, size).toString('hex'),
  checkpoint,
  verifier_key: `${origin}+${keyId.toString('hex')}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`,
})
export const timeline = () => ({ items: records.slice(-26).reverse().map(row), next: null })
