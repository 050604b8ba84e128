// A real OpenID Connect provider (npm `oidc-provider`), and before it a front that can spoil what it issues: the tokens it hands on are
// signed by the provider's own keys, so that what is refused is refused for the one thing that is wrong with it.
import http from 'node:http'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { SignJWT, decodeJwt, decodeProtectedHeader, exportJWK, importJWK } from 'jose'
import { Provider } from 'oidc-provider'

export const SECRET = 'the secret of the client, 32 characters at least'

const people = {
  rita: { email: 'rita@corporate.example', email_verified: true, name: 'Rita Okafor', groups: ['release-team', 'everybody'] },
  dana: { email: 'dana@shop.example', email_verified: true, name: 'Dana Novak', groups: ['developers'] },
}

const listen = server => new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)))

async function key(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' }
}

export class Front {
  /** How the next id_token is spoilt; null: it is handed on as it is. */
  spoil = null
  /** Codes as they were sent back, newest last. */
  seen = []

  static async open(callback, signedOut) {
    const it = new Front()
    it.server = http.createServer((request, response) => it.#pass(request, response))
    it.port = await listen(it.server)
    it.issuer = `http://127.0.0.1:${it.port}`
    it.key = await key('one')
    it.stranger = await key('two')
    const provider = new Provider(it.issuer, {
      clients: [
        {
          client_id: 'interlock',
          client_secret: SECRET,
          redirect_uris: [callback],
          post_logout_redirect_uris: [signedOut],
          response_types: ['code'],
          grant_types: ['authorization_code'],
          backchannel_logout_uri: callback.replace('/callback', '/providers/corporate/logout'),
          backchannel_logout_session_required: true,
        },
      ],
      jwks: { keys: [it.key] },
      cookies: { keys: ['a key for cookies of the test'] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
      scopes: ['openid', 'email', 'profile', 'groups'],
      features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
      pkce: { required: () => true },
      // The provider calls nobody at addresses of this machine; here everybody is there.
      fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    })
    it.inner = http.createServer(provider.callback())
    it.innerPort = await listen(it.inner)
    return it
  }

  close() {
    for (const server of [this.server, this.inner]) {
      server.closeAllConnections()
      server.close()
    }
  }

  #pass(request, response) {
    const onward = http.request(
      { host: '127.0.0.1', port: this.innerPort, path: request.url, method: request.method, headers: request.headers },
      async answer => {
        const chunks = []
        for await (const chunk of answer) chunks.push(chunk)
        let body = Buffer.concat(chunks)
        if (request.url.startsWith('/token') && answer.statusCode === 200 && this.spoil) {
          const tokens = JSON.parse(body)
          tokens.id_token = await this.spoil(tokens.id_token, this)
          body = Buffer.from(JSON.stringify(tokens))
        }
        const headers = { ...answer.headers, 'content-length': body.length }
        delete headers['transfer-encoding']
        response.writeHead(answer.statusCode, headers).end(body)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  }

  /** The token's claims, changed, signed by the provider's own key or another. */
  async again(token, change, { kid = 'one', jwk = this.key, alg = 'RS256' } = {}) {
    const claims = { ...decodeJwt(token), ...change }
    for (const [claim, value] of Object.entries(claims)) if (value === undefined) delete claims[claim]
    return new SignJWT(claims).setProtectedHeader({ alg, kid, typ: 'JWT' }).sign(await importJWK(jwk, alg))
  }
}

const part = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token that nobody signed. */
export const unsigned = token => `${part({ alg: 'none', kid: decodeProtectedHeader(token).kid })}.${token.split('.')[1]}.`

/** The oldest trick: the provider's public key, which everybody has, used as the secret of an HMAC. */
export function swapped(token, front) {
  const { kty, n, e } = front.key
  const pem = createPublicKey({ key: { kty, n, e }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const signed = `${part({ alg: 'HS256', kid: 'one', typ: 'JWT' })}.${token.split('.')[1]}`
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
}
