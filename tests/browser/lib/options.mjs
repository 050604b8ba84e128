// Options from the command line and the environment.
const args = process.argv.slice(2)
const option = (name, otherwise) => {
  const at = args.indexOf(`--${name}`)
  return at >= 0 ? args[at + 1] : otherwise
}

export const url = option('url', process.env.INTERLOCK_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '')
export const pictures = option('pictures', null)
export const only = option('only', '')
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** The demo prints the passwords of its people; they are good on that machine only. */
export const passwordOf = login => process.env[`INTERLOCK_PASSWORD_${login.toUpperCase()}`] ?? `${login}-at-the-shop`
