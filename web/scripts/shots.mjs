// Takes pictures of every page from the development server with made-up data: light, dark and phone.
import { mkdirSync } from 'node:fs'
import { chromium } from 'playwright-core'

const base = process.env.BASE ?? 'http://127.0.0.1:5173'
const out = process.env.OUT ?? 'shots'
const only = process.argv.slice(2)
mkdirSync(out, { recursive: true })
const pages = {
  today: '/',
  calendar: '/calendar?view=dayGridMonth',
  week: '/calendar?view=timeGridWeek',
  releases: '/releases',
  plan: '/releases?plan=1',
  held: '/releases/rel_held',
  live: '/releases/rel_live',
  back: '/releases/rel_back',

  deployment: '/deployments/dep_live',
  environments: '/environments',
  environment: '/environments/production',
  services: '/services?view=graph',
  service: '/services/checkout',
  metrics: '/metrics?figure=change_failure_rate',
  ledger: '/ledger',
  entry: '/ledger/37',
  people: '/administration/people',
  policies: '/administration/policies',
  pipelines: '/administration/pipelines',
  artifacts: '/administration/artifacts',
  quarantines: '/administration/quarantines',
  signin: '/sign-in',
  setup: '/setup#x',
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
for (const [kind, options] of Object.entries({
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', isMobile: true, hasTouch: true },
})) {
  const context = await browser.newContext(options)
  await context.addCookies([{ name: 'mock', value: 'in', url: base }])
  const page = await context.newPage()
  page.on(
    'console',
    m => ['error', 'warning'].includes(m.type()) && console.log(kind, m.type(), page.url(), m.text().slice(0, 300)),
  )
  page.on('pageerror', e => console.log(kind, 'pageerror', page.url(), e.message.slice(0, 300)))
  for (const [name, path] of Object.entries(pages)) {
    if (only.length && !only.includes(name) && !only.includes(kind)) continue
    if (only.includes('light') && kind !== 'light') continue
    await page.goto(base + path, { waitUntil: 'domcontentloaded' })
    await page.waitForTimeout(1300)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (wide > 1) console.log(kind, name, 'scrolls sideways by', wide)
    await page.screenshot({ path: `${out}/${kind}-${name}.png`, fullPage: true })
  }
  await context.close()
}
await browser.close()
