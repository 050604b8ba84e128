import { afterEach, expect, test, vi } from 'vitest'
import { get } from './client'

const answers = (status: number, position: number | null, body: unknown = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: position === null ? {} : { 'x-ledger-position': String(position) },
  })

afterEach(() => vi.unstubAllGlobals())

test('each request names the newest position that was seen, until a node says it is of another ledger', async () => {
  const named: (string | null)[] = []
  const queue = [
    answers(200, 7),
    answers(200, 12),
    answers(200, 9),
    answers(503, 3, { code: 'behind', detail: 'it has 3 entries' }),
    answers(200, 4),
  ]
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    named.push(new Headers(init.headers).get('x-ledger-position'))
    return Promise.resolve(queue.shift())
  })
  await get('/a')
  await get('/b')
  await get('/c')
  await expect(get('/d')).rejects.toMatchObject({ code: 'behind' })
  await get('/e')
  expect(named).toEqual([null, '7', '12', '12', null])
})
