// A server of our own with an organisation in it, and browsers that are no more than their cookies.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SECRET } from './provider.mjs'

export const PASSWORD = 'correct horse battery'

/** Keeps cookies as a browser does, as far as it matters here: by host with port, path left aside. */
export class Browser {
  jars = new Map()

  jar(url) {
    const host = new URL(url).host
    if (!this.jars.has(host)) this.jars.set(host, new Map())
    return this.jars.get(host)
  }

  async ask(url, { method = 'GET', headers = {}, body } = {}) {
    const jar = this.jar(url)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { method, body, redirect: 'manual', headers: { accept: 'text/html', ...(cookie && { cookie }), ...headers } })
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';')
      const at = pair.indexOf('=')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }

  /** Goes through the provider's forms as `who` until it sends us back; gives the address it sends us to. */
  async through(start, who, until) {
    let url = start
    for (let step = 0; step < 20; step++) {
      if (until(url)) return url
      const answer = await this.ask(url)
      const location = answer.headers.get('location')
      if (location) {
        url = new URL(location, url).href
        continue
      }
      const page = await answer.text()
      const action = page.match(/<form[^>]*action="([^"]+)"/)?.[1]
      if (!action) throw new Error(`no form at ${url}: ${answer.status} ${page.slice(0, 300)}`)
      const prompt = page.match(/name="prompt" value="([^"]+)"/)?.[1]
      const body = new URLSearchParams(prompt === 'login' ? { prompt, login: who, password: 'any' } : { prompt })
      const sent = await this.ask(new URL(action, url).href, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
      url = new URL(sent.headers.get('location'), url).href
    }
    throw new Error('the provider does not come to an end')
  }
}

export class House {
  static async open(binary, provider) {
    const it = new House()
    it.data = await mkdtemp(join(tmpdir(), 'interlock-oidc-'))
    it.process = spawn(binary, ['serve', '--data', it.data, '--listen', '127.0.0.1:0', '--allow-private-targets'], {
      env: { ...process.env, INTERLOCK_SECRET_OIDC: SECRET },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    it.log = ''
    it.process.stderr.on('data', text => (it.log += text))
    it.url = await new Promise((done, failed) => {
      let said = ''
      it.process.stdout.on('data', text => {
        said += text
        const found = said.match(/listens on (http:\/\/\S+)/)
        if (found) done(found[1])
      })
      it.process.on('exit', code => failed(new Error(`the server ended with ${code}: ${it.log}`)))
    })
    it.api = `${it.url}/api/v1`
    it.callback = `${it.api}/session/callback`
    return it
  }

  async begin(issuer) {
    const [, secret] = (await readFile(join(this.data, 'setup-link'), 'utf8')).trim().split('#')
    const body = { secret, login: 'ana', name: 'Ana Ruiz', email: 'ana@shop.example', password: PASSWORD }
    const answer = await fetch(`${this.api}/setup`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(await answer.text())
    this.admin = { cookie: answer.headers.get('set-cookie').split(';')[0], 'x-csrf-token': (await answer.json()).csrf_token }
    await this.apply(`apiVersion: interlock/v1
kind: Account
metadata: {name: dana}
spec: {display_name: Dana Novak, email: dana@shop.example, roles: [approver]}
---
apiVersion: interlock/v1
kind: IdentityProvider
metadata: {name: corporate}
spec:
  title: Corporate
  issuer: ${issuer}
  client_id: interlock
  client_secret: env:INTERLOCK_SECRET_OIDC
  scopes: [email, profile, groups]
  creates_accounts: true
  groups:
    release-team: {roles: [release-manager], groups: [shop]}
    developers: {roles: [developer]}
`)
    await this.post('/accounts/dana/password', { password: PASSWORD })
  }

  async post(path, body, headers = this.admin, kind = 'application/json') {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(`${this.api}${path}`, { method: 'POST', headers: { 'content-type': kind, ...headers }, body: text })
    const said = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said}`)
    return said ? JSON.parse(said) : null
  }

  apply(text) {
    return this.post('/manifests', text, this.admin, 'application/yaml')
  }

  async entries() {
    const answer = await fetch(`${this.api}/ledger/entries?limit=500`, { headers: this.admin })
    return (await answer.json()).items
  }

  async session(browser) {
    const answer = await browser.ask(`${this.api}/session`, { headers: { accept: 'application/json' } })
    return answer.ok ? answer.json() : null
  }

  async close() {
    this.process.removeAllListeners('exit')
    const ended = new Promise(done => this.process.on('exit', done))
    this.process.kill('SIGTERM')
    await ended
    await rm(this.data, { recursive: true, force: true })
  }
}
