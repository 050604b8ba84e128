/** The one place that talks HTTP: same-origin JSON, CSRF header, idempotency keys, RFC 9457 problems. */
import type { Blocker, Schemas, Span } from './core'

export type Fault = Schemas['Fault']
export interface ProblemBody {
  type: string
  title: string
  status: number
  code: string
  detail: string
  blockers: Blocker[]
  /** Times that would do instead, if it is a matter of time. */
  slots: Span[]
  /** Places in what was sent that are wrong. */
  faults: Fault[]
  request_id?: string | null
}

/** A refusal or failure as the server words it; `code` is stable, `blockers` say what clears it. */
export class Problem extends Error {
  readonly body: ProblemBody
  constructor(body: ProblemBody) {
    super(body.detail || body.title)
    this.name = 'Problem'
    this.body = body
  }
  get status() {
    return this.body.status
  }
  get code() {
    return this.body.code
  }
  get blockers() {
    return this.body.blockers
  }
}

const unreachable: ProblemBody = {
  type: 'about:blank',
  title: 'The server cannot be reached',
  status: 0,
  code: 'unreachable',
  detail: 'No answer came back. Check the network and that the server runs; the page tries again by itself.',
  blockers: [],
  slots: [],
  faults: [],
}

let csrf: string | null = null
export const rememberCsrf = (token: string | null) => {
  csrf = token
}

export type QueryValue = string | number | boolean | null | undefined
export const query = (values: Record<string, QueryValue>) => {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values))
    if (value !== null && value !== undefined && value !== '') params.set(key, String(value))
  const text = params.toString()
  return text ? `?${text}` : ''
}

export const newKey = () =>
  typeof crypto.randomUUID === 'function'
    ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('')

/** The newest position an answer has named: whichever node answers next is asked to know at least that much. */
let seen = 0
const position = 'x-ledger-position'

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  if (seen > 0) headers.set(position, String(seen))
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { credentials: 'same-origin', ...init, headers })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(unreachable)
  }
  seen = Math.max(seen, Number(response.headers.get(position) ?? 0))
  if (response.ok) return response
  const text = await response.text()
  let body: Partial<ProblemBody> = {}
  try {
    body = JSON.parse(text) as Partial<ProblemBody>
  } catch {
    body = {}
  }
  // A position that no node knows is of another ledger, as after a restore: what is asked next does not name it.
  if (body.code === 'behind') seen = 0
  throw new Problem({
    type: body.type ?? 'about:blank',
    title: body.title ?? response.statusText,
    status: response.status,
    code: body.code ?? `http-${response.status}`,
    detail: body.detail ?? 'The server answered without an explanation.',
    blockers: body.blockers ?? [],
    slots: body.slots ?? [],
    faults: body.faults ?? [],
    request_id: body.request_id,
  })
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, { headers: { accept: 'application/json' }, signal })
  return (await response.json()) as T
}

/** Asks for a file with a request that changes nothing. */
export async function postForFile(path: string, body: unknown): Promise<Blob> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (csrf) headers['x-csrf-token'] = csrf
  return (await send(path, { method: 'POST', headers, body: JSON.stringify(body) })).blob()
}

/** `key` is the idempotency key: the same key again returns the first answer, so a double click does nothing twice. */
export async function post<T>(path: string, body: unknown, key = newKey(), method = 'POST'): Promise<T> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'idempotency-key': key,
  }
  // Only a request with a body says what its body is.
  if (body !== null) headers['content-type'] = 'application/json'
  if (csrf) headers['x-csrf-token'] = csrf
  const response = await send(path, { method, headers, body: body === null ? undefined : JSON.stringify(body) })
  if (response.status === 204) return undefined as T
  return (await response.json()) as T
}
