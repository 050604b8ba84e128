/** Answers /api/v1 with made-up data inside the development server. Never part of a build. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Connect, Plugin } from 'vite'
import { at, hour, people, services } from './basics.ts'
import * as ledger from './ledger.ts'
import { canary, control, deployment, output } from './live.ts'
import { releases } from './releases.ts'
import * as world from './world.ts'

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const session = () => ({
  person: { ...people.mara, email: 'mara@shop.example', roles: ['release manager', 'developer'] },
  csrf_token: 'mock',
  expires_at: at(9 * hour),
  server: { version: '0.1.0', origin: 'interlock.demo.example', position: ledger.head, setup_needed: false },
})
let signedIn = true
const problem = (status: number, code: string, title: string, detail: string, blockers: unknown[] = []) => ({
  status,
  body: { type: `/docs/errors/${code}`, title, status, code, detail, blockers },
})
type Answer = { status: number; body: unknown }
const ok = (body: unknown): Answer =>
  body === undefined
    ? problem(404, 'not_found', 'There is no such object', 'Check the id, or find it with Ctrl K.')
    : { status: 200, body }

function read(path: string, q: URLSearchParams): Answer {
  const part = path.split('/').filter(Boolean)
  const [noun, id, sub] = part
  if (noun === 'session')
    return signedIn ? ok(session()) : problem(401, 'session.missing', 'Sign in first', 'There is no session.')
  if (noun === 'today') return ok(world.today())
  if (path === '/calendar/slots') return ok(world.slots(q.get('start')))
  if (noun === 'calendar') return ok(world.calendar(q.get('from') ?? '', q.get('to') ?? ''))
  if (noun === 'releases' && !id) {
    const state = q.get('state')
    const items = releases.filter(
      r =>
        (!state || (state === 'open' ? !r.status.is_terminal : r.status.value === state)) &&
        (!q.get('q') || JSON.stringify([r.name, r.title, r.services]).includes(q.get('q')!)),
    )
    return ok({ items, next: null })
  }
  if (noun === 'releases' && sub === 'timeline') return ok(ledger.timeline())
  if (noun === 'releases') return ok(releases.find(r => r.id === id))
  if (noun === 'deployments' && sub === 'steps') return ok(output(part[3]!, Number(q.get('from') ?? 0)))
  if (noun === 'deployments') return ok(deployment(id!))
  if (noun === 'canaries') return ok(canary(id!))
  if (path === '/environments/matrix') return ok(world.matrix())
  if (noun === 'environments') return ok(id ? world.environmentDetail(id) : { items: world.environments, next: null })
  if (noun === 'services') return ok(id ? world.serviceDetail(id) : world.serviceList())
  if (path === '/metrics/dora') return ok(world.dora(q.get('from')!, q.get('to')!))
  if (noun === 'metrics') return ok(world.observations())
  if (noun === 'ledger')
    return part.length === 2
      ? ok(
          ledger.entries(q.get('q') ?? '', q.get('kind') ?? '', q.get('subject') ?? '', Number(q.get('before') || 1e9)),
        )
      : ok(part[3] ? ledger.proof(Number(part[2])) : ledger.entry(Number(part[2])))
  if (noun === 'people') return ok(world.peopleList())
  if (noun === 'tokens') return ok(world.tokens())
  if (noun === 'policies') return ok(world.policies())
  if (noun === 'search') {
    const words = (q.get('q') ?? '').toLowerCase()
    return ok({
      next: null,
      items: [
        ...releases.map(r => ({ kind: 'release', id: r.id, title: r.name, detail: r.sentence })),
        ...services.map(s => ({ kind: 'service', id: s.id, title: s.name, detail: s.owner })),
      ]
        .filter(h => `${h.title} ${h.detail}`.toLowerCase().includes(words))
        .slice(0, 8),
    })
  }
  return ok(undefined)
}

function write(method: string, path: string, body: Record<string, unknown>): Answer {
  if (path === '/session' && method === 'DELETE') {
    signedIn = false
    return { status: 204, body: undefined }
  }
  if (path === '/session') {
    if (body.password === 'wrong')
      return problem(
        401,
        'session.wrong',
        'Not signed in',
        'Name or password is wrong. After 5 wrong tries the account waits a minute.',
      )
    signedIn = true
    return ok(session())
  }
  if (path === '/setup') return ok(session())
  if (path === '/releases') {
    const window = body.window as { start: string }
    const free = world.slots(window.start)
    return free.allowed
      ? ok(releases[2])
      : problem(409, 'calendar.freeze', 'The window is not free', 'Nothing was planned.', free.reasons)
  }
  if (path === '/tokens') return ok({ ...world.tokens().items[0], secret: 'ilk_3vQ8_made_up_for_looking_only' })
  const name = path.split('/').at(-1)
  if (name === 'pause') control.paused = true
  if (name === 'resume') control.paused = false
  if (name === 'abort') control.aborted = true
  if (name === 'rollback') control.rolledBack = true
  if (name === 'meet_condition')
    return problem(
      409,
      'gate.condition.evidence',
      'The condition is not met by this',
      'Policy wants the name of a person who is on call.',
      [
        {
          code: 'gate.condition.person',
          message: 'No person on call is named.',
          clears: 'Name somebody of the on-call roster.',
          who: ['Mara Lindqvist'],
          by: at(4 * hour),
        },
      ],
    )
  return ok({})
}

function live(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let position = ledger.head
  const timer = setInterval(() => {
    position += 1
    response.write(
      `id: ${position}\ndata: ${JSON.stringify({ position, kinds: ['step.done', 'canary.looked'], subjects: ['dep_01k9live'] })}\n\n`,
    )
  }, 3000)
  response.write(`id: ${position}\ndata: ${JSON.stringify({ position, kinds: [], subjects: [] })}\n\n`)
  response.on('close', () => clearInterval(timer))
}

async function bodyOf(request: IncomingMessage) {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const text = Buffer.concat(parts).toString()
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}

export function mockApi(): Plugin {
  return {
    name: 'mock-api',
    apply: 'serve',
    configureServer: server => answer(server.middlewares),
    // The built page under the same content security policy as the real server sends.
    configurePreviewServer: server => {
      server.middlewares.use((_request, response, next) => {
        response.setHeader('content-security-policy', policy)
        next()
      })
      answer(server.middlewares)
    },
  }
}

function answer(middlewares: Connect.Server) {
  middlewares.use('/api/v1', async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://mock')
    if (url.pathname === '/live') return live(response)
    const method = request.method ?? 'GET'
    const reply =
      method === 'GET' ? read(url.pathname, url.searchParams) : write(method, url.pathname, await bodyOf(request))
    response.writeHead(reply.status, {
      'content-type': reply.status < 400 ? 'application/json' : 'application/problem+json',
    })
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
  })
}
