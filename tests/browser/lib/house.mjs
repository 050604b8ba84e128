// The browser, one context for each person, and the pictures.
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { chromium as engine } from 'playwright-core'
import { chromium, passwordOf, pictures, url } from './options.mjs'

const limit = 200_000
export const wide = { width: 1360, height: 850 }
export const narrow = { width: 390, height: 844 }

export class House {
  static async open() {
    const house = new House()
    house.browser = await engine.launch({ executablePath: chromium, args: ['--no-sandbox'] })
    house.people = new Map()
    house.errors = []
    return house
  }

  /** A page of a fresh context, whose errors are collected. */
  async fresh(options = {}) {
    const context = await this.browser.newContext({ viewport: wide, colorScheme: 'light', timezoneId: 'Europe/Berlin', ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    page.on('pageerror', error => this.errors.push(`${page.url()}: ${error.message}`))
    page.on('console', message => {
      // An answer of the server that is a refusal is logged by the browser as an error to load.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.errors.push(`${page.url()}: ${message.text()}`)
    })
    return page
  }

  /** The page of somebody who is signed in. */
  async as(login, options) {
    const key = login + JSON.stringify(options ?? {})
    if (!this.people.has(key)) {
      const page = await this.fresh(options)
      await signIn(page, login, passwordOf(login))
      this.people.set(key, page)
    }
    return this.people.get(key)
  }

  close() {
    return this.browser.close()
  }
}

export async function signIn(page, login, password) {
  await page.goto(`${url}/sign-in`)
  await page.getByLabel('Login').fill(login)
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { level: 1, name: 'Today' }).waitFor()
}

/** Reads the API with the page's own session. */
export const api = (page, path) =>
  page.evaluate(async at => {
    const response = await fetch(`/api/v1${at}`, { headers: { accept: 'application/json' } })
    return response.json()
  }, path)

/** Writes to the API with the page's own session. */
export const post = (page, path, body) =>
  page.evaluate(
    async ([at, text]) => {
      const session = await (await fetch('/api/v1/session')).json()
      const headers = { 'content-type': 'application/json', 'x-csrf-token': session.csrf_token, 'idempotency-key': crypto.randomUUID() }
      const response = await fetch(`/api/v1${at}`, { method: 'POST', headers, body: text })
      if (!response.ok) throw new Error(`${at}: ${await response.text()}`)
    },
    [path, JSON.stringify(body)],
  )

/** Goes somewhere within the page and waits for its title. */
export async function visit(page, path, heading) {
  await page.goto(url + path)
  await page.getByRole('heading', { level: 1, name: heading }).waitFor()
}

/** Keeps a picture for the documentation, if asked to. */
export async function picture(page, name, options = {}) {
  if (!pictures) return
  mkdirSync(pictures, { recursive: true })
  await page.waitForTimeout(400)
  const path = join(pictures, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled', ...options })
  const size = statSync(path).size
  if (size > limit) throw new Error(`the picture ${name} has ${size} bytes, more than ${limit}`)
}
