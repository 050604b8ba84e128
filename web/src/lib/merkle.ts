/**
 * Checks an RFC 6962 inclusion proof and a C2SP signed checkpoint with WebCrypto, so that the reader needs to trust
 * neither the page's server nor this page's words: the hashes are computed here.
 */

const encoder = new TextEncoder()

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const clean = hex.replace(/^[a-z0-9]+:/, '')
  const out = new Uint8Array(clean.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(clean.slice(2 * i, 2 * i + 2), 16)
  return out
}
export const toHex = (bytes: Uint8Array) => Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), c => c.charCodeAt(0))

async function sha256(...parts: Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined))
}

/** RFC 6962 2.1: the leaf prefix 0x00 keeps leaves and nodes apart. */
export const leafHash = (body: Uint8Array) => sha256(Uint8Array.of(0), body)
const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right)

/** Root that a leaf and its audit path lead to (RFC 9162 2.1.3.2); null when the path has the wrong length. */
export async function rootFromPath(
  leaf: Uint8Array<ArrayBuffer>,
  index: number,
  size: number,
  path: Uint8Array[],
): Promise<Uint8Array | null> {
  if (index < 0 || index >= size) return null
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of path) {
    if (last === 0) return null
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2)
        last = Math.floor(last / 2)
      }
    } else {
      hash = await nodeHash(hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 ? hash : null
}

export interface Checkpoint {
  origin: string
  size: number
  root: Uint8Array
  signed: string
  signatures: { name: string; bytes: Uint8Array<ArrayBuffer> }[]
}

export function readCheckpoint(note: string): Checkpoint | null {
  const split = note.indexOf('\n\n')
  if (split < 0) return null
  const signed = note.slice(0, split + 1)
  const [origin, size, root] = signed.split('\n')
  if (!origin || !size || !root || !/^\d+$/.test(size)) return null
  const signatures = [...note.slice(split + 2).matchAll(/^— (\S+) (\S+)$/gm)].map(match => ({
    name: match[1]!,
    bytes: fromBase64(match[2]!),
  }))
  try {
    return { origin, size: Number(size), root: fromBase64(root), signed, signatures }
  } catch {
    return null
  }
}

/** True or false when the browser can tell; null when it knows no Ed25519. `key` is a note verifier key, name+id+base64. */
export async function checkSignature(checkpoint: Checkpoint, key: string): Promise<boolean | null> {
  const match = /^(.+?)\+([0-9a-f]{8})\+(.+)$/.exec(key)
  if (!match) return false
  const material = fromBase64(match[3]!)
  const signature = checkpoint.signatures.find(s => s.name === match[1] && toHex(s.bytes.slice(0, 4)) === match[2])
  if (material[0] !== 1 || !signature) return false
  try {
    const imported = await crypto.subtle.importKey('raw', material.slice(1), { name: 'Ed25519' }, false, ['verify'])
    return await crypto.subtle.verify('Ed25519', imported, signature.bytes.slice(4), encoder.encode(checkpoint.signed))
  } catch {
    return null
  }
}

export interface Check {
  label: string
  outcome: 'pass' | 'fail' | 'inconclusive'
  detail: string
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])

export interface ProofInput {
  body: Uint8Array
  leaf_hash: string
  leaf_index: number
  hashes: string[]
  checkpoint: string
  verifier_key: string
}

/** Every check by itself, so that a reader sees which one failed. */
export async function verify(input: ProofInput): Promise<Check[]> {
  if (!crypto.subtle)
    return [
      {
        label: 'Verify in this browser',
        outcome: 'inconclusive',
        detail: 'Browsers compute hashes only on https or localhost. Run: interlock ledger prove',
      },
    ]
  const leaf = await leafHash(input.body)
  const checks: Check[] = [
    {
      label: 'Leaf hash of the exact bytes',
      outcome: toHex(leaf) === toHex(fromHex(input.leaf_hash)) ? 'pass' : 'fail',
      detail: toHex(leaf),
    },
  ]
  const checkpoint = readCheckpoint(input.checkpoint)
  if (!checkpoint) return [...checks, { label: 'Checkpoint', outcome: 'fail', detail: 'It is not a signed note.' }]
  const root = await rootFromPath(leaf, input.leaf_index, checkpoint.size, input.hashes.map(fromHex))
  checks.push({
    label: `Path of ${input.hashes.length} hashes leads to the root of ${checkpoint.size} entries`,
    outcome: root && same(root, checkpoint.root) ? 'pass' : 'fail',
    detail: root ? toHex(root) : 'The path has the wrong length for this tree.',
  })
  const signed = await checkSignature(checkpoint, input.verifier_key)
  checks.push({
    label: `Checkpoint signed by ${checkpoint.origin}`,
    outcome: signed === null ? 'inconclusive' : signed ? 'pass' : 'fail',
    detail: signed === null ? 'This browser knows no Ed25519. Run: interlock ledger verify' : input.verifier_key,
  })
  return checks
}
