// Sign-in by a real identity provider, walked as a browser walks it, and every way in which it must fail.
// Needs the built server in INTERLOCK. Prints `N passed, N failed, N skipped`.
import assert from 'node:assert/strict'
import { Browser, House, PASSWORD } from './house.mjs'
import { Front, swapped, unsigned } from './provider.mjs'

const house = await House.open(process.env.INTERLOCK)
const front = await Front.open(house.callback, `${house.url}/sign-in`)
await house.begin(front.issuer)

const back = url => url.startsWith(house.callback)
const begin = (browser, query = '') => browser.ask(`${house.api}/session/providers/corporate${query}`)

/** Off to the provider and back as far as the address that brings the code, which is not yet followed. */
async function walked(browser, who = 'rita', query = '') {
  const off = await begin(browser, query)
  assert.equal(off.status, 303)
  return browser.through(off.headers.get('location'), who, back)
}

/** The same, followed: where the page then is. */
async function signedIn(browser, who, query) {
  const answer = await browser.ask(await walked(browser, who, query))
  assert.equal(answer.status, 303)
  return answer.headers.get('location')
}

/** A sign-in whose token is spoilt is refused with a code, and leaves no session. */
async function refused(code, spoil) {
  const browser = new Browser()
  const address = await walked(browser)
  front.spoil = spoil
  const answer = await browser.ask(address, { headers: { accept: 'application/json' } }).finally(() => (front.spoil = null))
  const problem = await answer.json()
  assert.equal(problem.code, code, JSON.stringify(problem))
  assert.equal(answer.status, 403)
  assert.equal(await house.session(browser), null)
}

const now = () => Math.floor(Date.now() / 1000)
const journeys = {
  'the page offers the way': async () => {
    const { sign_in } = await (await fetch(`${house.api}/version`)).json()
    assert.deepEqual(sign_in, [{ name: 'corporate', title: 'Corporate', url: '/api/v1/session/providers/corporate' }])
  },
  'the request carries code, S256, nonce, state and our own address': async () => {
    const off = await begin(new Browser(), '?to=/releases')
    const asked = new URL(off.headers.get('location')).searchParams
    for (const name of ['state', 'nonce', 'code_challenge']) assert.ok(asked.get(name).length >= 43, name)
    assert.deepEqual(
      ['response_type', 'code_challenge_method', 'redirect_uri', 'scope'].map(name => asked.get(name)),
      ['code', 'S256', house.callback, 'openid email groups profile'],
    )
    assert.match(off.headers.get('set-cookie'), /HttpOnly; SameSite=Lax/)
  },
  'a person comes for the first time and gets what her groups give': async () => {
    const browser = new Browser()
    assert.equal(await signedIn(browser, 'rita', '?to=/releases'), '/releases')
    const { person, sign_out_url } = await house.session(browser)
    assert.deepEqual([person.login, person.name, person.roles, person.groups], ['rita', 'Rita Okafor', ['release-manager'], ['shop']])
    assert.ok(sign_out_url.startsWith(`${front.issuer}/session/end?`))
    const kinds = (await house.entries()).map(it => it.kind)
    for (const kind of ['people.account_put', 'people.subject_linked', 'people.signed_in']) assert.ok(kinds.includes(kind), kind)
    const stored = JSON.stringify(await house.entries())
    assert.ok(!stored.includes('rita@corporate.example'), 'an address is in the ledger')
  },
  'the second time she is the same, judged anew': async () => {
    const before = (await house.entries()).filter(it => it.kind === 'people.account_put').length
    const browser = new Browser()
    await signedIn(browser, 'rita')
    assert.equal((await house.session(browser)).person.login, 'rita')
    assert.equal((await house.entries()).filter(it => it.kind === 'people.account_put').length, before)
  },
  'an account that is there is not given away because an address is equal': async () => {
    const browser = new Browser()
    const answer = await browser.ask(await walked(browser, 'dana'), { headers: { accept: 'application/json' } })
    assert.equal((await answer.json()).code, 'account-exists')
    assert.equal(await house.session(browser), null)
    // A person is told on the page.
    const other = new Browser()
    assert.equal(await signedIn(other, 'dana'), '/sign-in?refused=account-exists')
  },
  'its owner ties it, signed in, and then comes in by it': async () => {
    const browser = new Browser()
    const answer = await browser.ask(`${house.api}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ login: 'dana', password: PASSWORD }),
    })
    assert.equal(answer.status, 200)
    await signedIn(browser, 'dana', '?link=true')
    const fresh = new Browser()
    await signedIn(fresh, 'dana')
    const { person } = await house.session(fresh)
    assert.deepEqual([person.login, person.roles], ['dana', ['approver', 'developer']])
  },
  'tying needs a session': async () => {
    const answer = await new Browser().ask(`${house.api}/session/providers/corporate?link=true`)
    assert.equal((await answer.json()).code, 'link-without-session')
  },
  'refused: another audience': () => refused('token-audience', token => front.again(token, { aud: 'somebody-else' })),
  'refused: one more audience, made for another party': () =>
    refused('token-audience', token => front.again(token, { aud: ['interlock', 'other'], azp: 'other' })),
  'refused: expired': () => refused('token-expired', token => front.again(token, { exp: now() - 120, iat: now() - 600 })),
  'refused: from the future': () => refused('token-not-yet', token => front.again(token, { iat: now() + 600, exp: now() + 900 })),
  'refused: unsigned': () => refused('token-unsigned', unsigned),
  'refused: algorithm swapped, HS256 with the public key': () => refused('token-algorithm', swapped),
  'refused: another issuer': () => refused('token-issuer', token => front.again(token, { iss: 'https://evil.example' })),
  'refused: a key that the issuer does not publish': () =>
    refused('token-key-unknown', token => front.again(token, {}, { kid: 'two', jwk: front.stranger })),
  'refused: the name of a good key, the signature of another': () =>
    refused('token-signature', token => front.again(token, {}, { jwk: front.stranger })),
  'refused: a nonce of another sign-in': () => refused('token-nonce', token => front.again(token, { nonce: 'replayed' })),
  'refused: no nonce': () => refused('token-nonce', token => front.again(token, { nonce: undefined })),
  'refused: a token that was good once, replayed into another sign-in': async () => {
    let kept
    const first = new Browser()
    front.spoil = token => (kept = token)
    await signedIn(first, 'rita').finally(() => (front.spoil = null))
    await refused('token-nonce', () => kept)
  },
  'refused: a code that was used': async () => {
    const browser = new Browser()
    const address = await walked(browser)
    assert.equal((await browser.ask(address)).headers.get('location'), '/')
    const again = await browser.ask(address, { headers: { accept: 'application/json' } })
    assert.equal((await again.json()).code, 'sign-in-not-begun')
    // The same code under a state of its own: the provider refuses it.
    const used = new URL(address).searchParams.get('code')
    const other = new Browser()
    const second = new URL(await walked(other))
    second.searchParams.set('code', used)
    const answer = await other.ask(second.href, { headers: { accept: 'application/json' } })
    assert.equal((await answer.json()).code, 'provider-refused')
  },
  'refused: a sign-in that another browser began (login CSRF)': async () => {
    const address = await walked(new Browser())
    const victim = new Browser()
    const answer = await victim.ask(address, { headers: { accept: 'application/json' } })
    assert.equal((await answer.json()).code, 'sign-in-not-begun')
    assert.equal(await house.session(victim), null)
  },
  'refused: an answer that says it is of another issuer (mix-up)': async () => {
    const browser = new Browser()
    const address = new URL(await walked(browser))
    address.searchParams.set('iss', 'https://evil.example')
    const answer = await browser.ask(address.href, { headers: { accept: 'application/json' } })
    assert.equal((await answer.json()).code, 'token-issuer')
  },
  'session fixation: what was planted in the browser is never taken over': async () => {
    const browser = new Browser()
    browser.jar(house.url).set('interlock_session', 'planted')
    await signedIn(browser, 'rita')
    const name = 'interlock_session'
    const first = browser.jar(house.url).get(name)
    assert.notEqual(first, 'planted')
    const planted = new Browser()
    planted.jar(house.url).set(name, 'planted')
    assert.equal(await house.session(planted), null)
    // Signing in again ends the session before.
    await signedIn(browser, 'rita')
    assert.notEqual(browser.jar(house.url).get(name), first)
    planted.jar(house.url).set(name, first)
    assert.equal(await house.session(planted), null)
  },
  'open redirect: there is no way back but into the page': async () => {
    for (const to of ['https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)', '', 'releases', '/a\r\nset-cookie: x=1', '/\tevil']) {
      const answer = await begin(new Browser(), `?to=${encodeURIComponent(to)}`)
      assert.equal(answer.status, 422, to)
      assert.equal((await answer.json()).code, 'return-path', to)
    }
  },
  'header injection: a host that lies does not get into an address': async () => {
    const answer = await new Promise((done, failed) => {
      import('node:http').then(({ request }) => {
        const asked = request(`${house.api}/session/providers/corporate`, { headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } }, done)
        asked.on('error', failed)
        asked.end()
      })
    })
    assert.equal(new URL(answer.headers.location).searchParams.get('redirect_uri'), house.callback)
    answer.resume()
  },
  'header injection: what a provider calls an error is not repeated': async () => {
    const browser = new Browser()
    const off = await begin(browser)
    const state = new URL(off.headers.get('location')).searchParams.get('state')
    const query = new URLSearchParams({ state, error: 'x\r\nset-cookie: evil=1<script>' })
    const answer = await browser.ask(`${house.callback}?${query}`)
    assert.equal(answer.headers.get('location'), '/sign-in?refused=provider-refused')
    assert.ok(!answer.headers.getSetCookie().some(it => it.includes('evil')))
  },
  'signing out of the provider ends the session here (back-channel)': async () => {
    const browser = new Browser()
    await signedIn(browser, 'rita')
    const { sign_out_url } = await house.session(browser)
    const page = await (await browser.ask(sign_out_url)).text()
    const [, action] = page.match(/action="([^"]+)"/)
    const xsrf = page.match(/name="xsrf" value="([^"]+)"/)[1]
    await browser.ask(new URL(action, front.issuer).href, {
      method: 'POST',
      body: new URLSearchParams({ xsrf, logout: 'yes' }),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    for (let tries = 0; tries < 50 && (await house.session(browser)); tries++) await new Promise(done => setTimeout(done, 100))
    assert.equal(await house.session(browser), null)
  },
  'a token for signing in ends no session': async () => {
    let token
    const browser = new Browser()
    front.spoil = it => (token = it)
    await signedIn(browser, 'rita').finally(() => (front.spoil = null))
    const answer = await fetch(`${house.api}/session/providers/corporate/logout`, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })
    assert.equal((await answer.json()).code, 'token-malformed')
    assert.ok(await house.session(browser))
  },
  'no secret and no token is in the log': async () => {
    assert.ok(!house.log.includes('the secret of the client') && !/eyJ[A-Za-z0-9_-]{10}/.test(house.log))
  },
}

let [passed, failed] = [0, 0]
for (const [name, walk] of Object.entries(journeys)) {
  try {
    await walk()
    passed++
    console.log(`passed   ${name}`)
  } catch (error) {
    failed++
    console.log(`FAILED   ${name}: ${error.stack}`)
  }
}
front.close()
await house.close()
console.log(`${passed} passed, ${failed} failed, 0 skipped`)
process.exit(failed ? 1 : 0)
