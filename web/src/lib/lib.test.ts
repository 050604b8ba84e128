import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytes, listed, rate, shortDigest } from './format'
import { staleRoots } from './live'
import { checkSignature, fromHex, leafHash, readCheckpoint, rootFromPath, toHex } from './merkle'
import { ago, lasting, position } from './time'

describe('time', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  it('words instants on either side of now', () => {
    expect(ago('2026-11-23T12:00:20Z', now)).toBe('now')
    expect(ago('2026-11-23T11:55:00Z', now)).toBe('5 minutes ago')
    expect(ago('2026-11-23T15:00:00Z', now)).toBe('in 3 hours')
    expect(ago('2026-11-22T12:00:00Z', now)).toBe('yesterday')
  })
  it('words lengths', () => {
    expect(lasting(42_000)).toBe('42 s')
    expect(lasting(65 * 60_000)).toBe('1 h 05 min')
    expect(lasting(-5)).toBe('0 s')
  })
  it('clamps positions and survives an empty span', () => {
    expect(position('2026-11-23T06:00:00Z', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z')).toBe(0.25)
    expect(position('2026-12-01T00:00:00Z', '2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z')).toBe(1)
    expect(position('2026-12-01T00:00:00Z', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z')).toBe(0)
  })
})

describe('format', () => {
  it('shortens digests but not short ids', () => {
    expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab…')
    expect(shortDigest('abc')).toBe('abc')
  })
  it('never divides by zero requests', () => expect(rate(0, 0)).toBe('no requests yet'))
  it('words sizes and lists', () => {
    expect(bytes(999)).toBe('999 B')
    expect(bytes(18_442_190)).toBe('18 MB')
    expect(listed(['a', 'b', 'c'])).toBe('a, b or c')
  })
})

describe('live', () => {
  it('makes everything stale for a noun it does not know', () => {
    expect(staleRoots(['something_new'])).toContain('release')
    expect(staleRoots(['people.account_put'])).toEqual([
      'ledger',
      'people',
      'session',
      'today',
      'boards',
      'meeting',
      'glasses',
    ])
  })
})

// The tree of RFC 6962 2.1.3's example: seven leaves; proofs as that section prints them.
describe('merkle', () => {
  const h = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  const data = Array.from({ length: 7 }, (_, i) => Buffer.from(`d${i}`))
  const [a, b, c, d, e, f, j] = data.map(x => h(Buffer.of(0), x)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ]
  const n = (left: Buffer, right: Buffer) => h(Buffer.of(1), left, right)
  const g = n(a, b)
  const hh = n(c, d)
  const i = n(e, f)
  const k = n(g, hh)
  const l = n(i, j)
  const root = n(k, l)
  const proofs: [number, Buffer[]][] = [
    [0, [b, hh, l]],
    [3, [c, g, l]],
    [4, [f, j, k]],
    [6, [i, k]],
  ]
  it.each(proofs)('leads from leaf %i to the root', async (index, path) => {
    const leaf = await leafHash(data[index]!)
    expect(toHex((await rootFromPath(leaf, index, 7, path)) ?? new Uint8Array())).toBe(root.toString('hex'))
  })
  it('refuses a path of the wrong length, a wrong sibling and an index outside', async () => {
    const leaf = await leafHash(data[0]!)
    expect(await rootFromPath(leaf, 0, 7, [b, hh])).toBeNull()
    expect(await rootFromPath(leaf, 7, 7, [b, hh, l])).toBeNull()
    expect(toHex((await rootFromPath(leaf, 0, 7, [c, hh, l]))!)).not.toBe(root.toString('hex'))
  })
  it('hashes the empty leaf as RFC 6962 test vectors do', async () => {
    expect(toHex(await leafHash(new Uint8Array()))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
    expect(toHex(fromHex('sha256:00ff'))).toBe('00ff')
  })
  it('accepts a note signed by the key and no other', async () => {
    const note = (text: string) => {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
      const id = h(Buffer.from('log.example\n'), Buffer.of(1), raw).subarray(0, 4)
      const signature = Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString('base64')
      return {
        note: `${text}\n— log.example ${signature}\n`,
        key: `log.example+${id.toString('hex')}+${Buffer.concat([Buffer.of(1), raw]).toString('base64')}`,
      }
    }
    const text = `log.example\n7\n${root.toString('base64')}\n`
    const good = note(text)
    const read = readCheckpoint(good.note)!
    expect(read.size).toBe(7)
    expect(await checkSignature(read, good.key)).toBe(true)
    expect(await checkSignature(read, note(text).key)).toBe(false)
    expect(await checkSignature(readCheckpoint(good.note.replace('\n7\n', '\n8\n'))!, good.key)).toBe(false)
    expect(readCheckpoint('nonsense')).toBeNull()
  })
})
