/** Answers /api/v1 with made-up data inside the development server. Never part of a build. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Connect, Plugin } from 'vite'
import { at, dayLength, hour, page, people, ref, type Schemas } from './basics.ts'
import * as catalog from './catalog.ts'
import * as ledger from './ledger.ts'
import * as release from './release.ts'

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const session = (): Schemas['Session'] => ({
  person: {
    ...people.rita,
    login: 'rita',
    email: 'rita@shop.example',
    roles: ['release-manager'],
    groups: ['release-office'],
    stands_in_for: [],
  },
  csrf_token: 'mock',
  expires_at: at(9 * hour),
  server: {
    version: '0.1.0',
    organisation: 'Shop',
    origin: 'interlock.demo.example',
    position: ledger.head,
    setup_needed: false,
    sign_in: [],
    now: at(0),
  },
})
const mark = 'mock=in'
type Answer = { status: number; body: unknown; cookie?: string }
const problem = (status: number, code: string, title: string, detail: string, more: Record<string, unknown> = {}) => ({
  status,
  body: { type: `/docs/errors/${code}`, title, status, code, detail, blockers: [], slots: [], faults: [], ...more },
})
const ok = (body: unknown): Answer =>
  body === undefined
    ? problem(404, 'not-found', 'There is no such object', 'Check the id, or find it with Ctrl K.')
    : { status: 200, body }

const ship = (it: Schemas['Release']): Schemas['Shipping'] => ({
  release: ref(it.id, it.name),
  services: it.services,
  environment: it.environment,
  window: it.window!,
  status: it.status,
  sentence: it.sentence,
})
function today(): Schemas['Today'] {
  const [live, held, ready, back] = release.releases as [
    Schemas['Release'],
    Schemas['Release'],
    Schemas['Release'],
    Schemas['Release'],
  ]
  const iso = (t: number) => new Date(t).toISOString()
  return {
    now: at(0),
    day: { start: iso(catalog.midnight), end: iso(catalog.midnight + dayLength) },
    zone: 'UTC',
    needs_me: [
      {
        id: 'n1',
        title: `Complete the review of ${back.name}`,
        why: 'It was rolled back. The next release of checkout waits for this.',
        subject: { kind: 'review', id: 'rev_1', name: back.name },
        due_at: at(22 * hour),
        severity: 'warning',
        waiting: ['Dana Novak'],
        actions: back.review!.actions,
      },
    ],
    ships_today: [live, held, ready].map(ship),
    in_trouble: [
      {
        id: 't1',
        subject: { kind: 'release', id: held.id, name: held.name },
        status: held.status,
        sentence: held.sentence,
        since: at(-3 * hour),
        deadline_at: at(5 * hour),
        blockers: held.gates.flatMap(it => it.ruling.blockers),
      },
    ],
    freezes: [],
    next: [],
  }
}
function dora(from: string, to: string): Schemas['Dora'] {
  const observations = (value: (i: number) => number) =>
    release.releases.slice(3).map((it, i): Schemas['Observation'] => ({
      position: 400 - i * 9,
      at: it.updated_at,
      release: ref(it.id, it.name),
      environment: it.environment,
      value: value(i),
      detail: 'deployed everywhere',
    }))
  const figure = (key: string, label: string, unit: string, value: number, display: string): Schemas['Figure'] => ({
    key,
    label,
    definition: 'Counted from the ledger.',
    unit,
    value,
    low: value / 2,
    high: value * 2,
    display,
    sample: 6,
    severity: 'good',
    observations: observations(i => value * (1 + i / 4)),
  })
  return {
    from,
    to,
    confidence: 0.95,
    figures: [
      figure('deployment_frequency', 'Deployment frequency', 'per_day', 0.5, '3.4 a week'),
      figure('lead_time', 'Lead time for changes', 'seconds', 108_000, '1 d 6 h'),
      figure('change_failure_rate', 'Change failure rate', 'ratio', 0.17, '17 %'),
      figure('time_to_recover', 'Time to recover', 'seconds', 44, '44 s'),
    ],
  }
}
function explain(it: Schemas['Release']): Schemas['Explanation'] {
  const blockers = it.gates.flatMap(gate => gate.ruling.blockers)
  const slots = catalog.check({}).slots
  return {
    release: ref(it.id, it.name),
    sentence: it.sentence,
    blockers,
    next: 'Whoever can clears what stands in the way.',
    slots,
  }
}

function read(path: string, q: URLSearchParams, signedIn: boolean): Answer {
  if (!signedIn) return problem(401, 'not-signed-in', 'Sign in first', 'There is no session.')
  const part = path.split('/').filter(Boolean).map(decodeURIComponent)
  const [noun, id = '', sub] = part
  const found = release.releases.find(it => it.id === id || it.name === id)
  switch (noun) {
    case 'session':
      return ok(session())
    case 'today':
      return ok(today())
    case 'calendar':
      return ok(catalog.calendar(q.get('from') ?? '', q.get('to') ?? ''))
    case 'releases': {
      if (sub === 'timeline') return ok(ledger.timeline())
      if (sub === 'explain') return ok(found && explain(found))
      if (id) return ok(found)
      const state = q.get('state')
      const fits = (it: Schemas['Release']) =>
        !state || (state === 'open' ? !it.status.is_terminal : it.status.value === state)
      return ok(page(release.releases.filter(it => fits(it) && it.name.includes(q.get('q') ?? ''))))
    }
    case 'deployments':
      return ok(sub === 'steps' ? release.output(Number(q.get('from') ?? 0)) : release.deployment(id))
    case 'analyses':
      return ok(sub === 'course' ? release.course(id) : release.analysis(id))
    case 'matrix':
      return ok(catalog.matrix())
    case 'environments':
      return ok(id ? catalog.environmentOf(id) : page(catalog.environments))
    case 'services':
      return ok(id ? catalog.serviceOf(id) : page(catalog.services))
    case 'graph':
      return ok(catalog.graph)
    case 'artifacts':
      return ok(catalog.artifacts(q.get('service')))
    case 'quarantines':
      return ok(catalog.quarantines)
    case 'pipelines':
      return ok(catalog.pipelines)
    case 'metrics':
      return ok(dora(q.get('from')!, q.get('to')!))
    case 'ledger':
      return ok(sub ? ledger.entry(Number(sub)) : ledger.entries(q))
    case 'accounts':
      return ok(catalog.accounts)
    case 'tokens':
      return ok(catalog.tokens)
    case 'policies':
      return ok(catalog.policies)
    case 'search': {
      const hits = [
        ...release.releases.map(it => ({ kind: 'release', id: it.id, title: it.name, detail: it.sentence })),
        ...catalog.services.map(it => ({ kind: 'service', id: it.id, title: it.name, detail: it.owner })),
      ]
      return ok({ items: hits.filter(it => it.title.includes((q.get('q') ?? '').toLowerCase())).slice(0, 8) })
    }
    default:
      return ok(undefined)
  }
}

const receipt = (kind: string, id: string, name: string): Schemas['Receipt'] => ({
  subject: { kind, id, name },
  position: ledger.head,
  repeated: false,
  entries: [],
})
function write(method: string, path: string, body: Record<string, unknown>): Answer {
  if (path === '/session' && method === 'DELETE') {
    return { status: 204, body: undefined, cookie: 'mock=; Max-Age=0; Path=/' }
  }
  if (path === '/session' || path === '/setup') {
    if (
      String(body.password).includes('wrong') ||
      String(body.password).includes('not-this') ||
      body.login === 'mallory'
    )
      return problem(401, 'wrong-credentials', 'Not signed in', 'Login or password is wrong.')
    return { ...ok(session()), cookie: `${mark}; Path=/` }
  }
  if (path === '/calendar/check') return ok(catalog.check(body))
  if (path === '/releases') {
    const answer = catalog.check({ from: body.start })
    return answer.allowed || !body.start
      ? { status: 201, body: receipt('release', 'rel_held', 'checkout-1-3') }
      : problem(409, 'refused', 'Not possible now', 'The window is not free; nothing was planned.', {
          blockers: answer.reasons,
          slots: answer.slots,
        })
  }
  if (path === '/tokens') return ok({ token: catalog.tokens.items[0], secret: 'made-up-for-looking-only' })
  return ok(receipt('release', 'rel_live', 'checkout-1-1'))
}

function live(response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let position = ledger.head
  const timer = setInterval(() => {
    position += 1
    const news: Schemas['LiveEntries'] = {
      position_from: position - 1,
      position_to: position,
      kinds: ['deployment.step_ended'],
      subjects: [],
    }
    response.write(`event: entries\nid: ${position}\ndata: ${JSON.stringify(news)}\n\n`)
  }, 3000)
  response.write(': ok\n\n')
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
      method === 'GET'
        ? read(url.pathname, url.searchParams, request.headers.cookie?.includes(mark) ?? false)
        : write(method, url.pathname, await bodyOf(request))
    response.writeHead(reply.status, {
      'content-type': reply.status < 400 ? 'application/json' : 'application/problem+json',
      ...(reply.cookie ? { 'set-cookie': reply.cookie } : {}),
    })
    response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
  })
}
