// Every page: it loads, nothing scrolls sideways, axe finds nothing serious; light, dark, and on a phone.
import { accessible } from '../lib/axe.mjs'
import { check } from '../lib/check.mjs'
import { api, narrow, picture } from '../lib/house.mjs'
import { url } from '../lib/options.mjs'

const places = [
  ['today', '/', 'Today'],
  ['calendar', '/calendar?view=dayGridMonth', 'Calendar'],
  ['calendar-week', '/calendar?view=timeGridWeek', 'Calendar'],
  ['calendars', '/calendar/rules', /./],
  ['releases', '/releases', 'Releases'],
  ['changes', '/changes', 'Changes'],
  ['environments', '/environments', 'Environments'],
  ['environment', '/environments/production', 'production'],
  ['services', '/services?view=graph', 'Services'],
  ['services-table', '/services?view=table', 'Services'],
  ['service', '/services/checkout', 'checkout'],
  ['metrics', '/dora', 'Metrics'],
  ['ledger', '/ledger', 'Ledger'],
  ['activity', '/activity', 'Activity'],
  ['world', '/ledger/world', /world/],
  ['knowledge', '/ledger/20/knowledge', /./],
  ['people', '/administration/people', 'Administration'],
  ['tokens', '/administration/tokens', 'Administration'],
  ['policies', '/administration/policies', 'Administration'],
  ['pipelines', '/administration/pipelines', 'Administration'],
  ['runners', '/administration/runners', 'Administration'],
  ['artifacts', '/administration/artifacts', 'Administration'],
  ['quarantines', '/administration/quarantines', 'Administration'],
  ['nothing', '/no/such/page', /./],
]
const kept = {
  light: ['calendar', 'releases', 'changes', 'calendars', 'environments', 'services', 'ledger', 'policies'],
  dark: ['releases', 'calendar'],
  phone: ['today', 'releases'],
}

async function look(page, kind, [name, path, heading]) {
  await page.goto(url + path)
  await page.getByRole('heading', { level: 1, name: heading }).first().waitFor()
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null)
  await page.waitForTimeout(300)
  check((await page.getByRole('alert').filter({ hasText: 'The page made a mistake' }).count()) === 0, `${name} shows no mistake of the page`)
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  check(sideways <= 1, `${name} does not scroll sideways, not by ${sideways}`)
  await accessible(page, `${name}, ${kind}`)
  if (kept[kind].includes(name)) await picture(page, kind === 'light' ? name : `${name}-${kind}`)
}

export function pages(journeys) {
  const kinds = { light: {}, dark: { colorScheme: 'dark' }, phone: { viewport: narrow, isMobile: true, hasTouch: true } }
  for (const [kind, options] of Object.entries(kinds))
    for (const place of places)
      journeys.add(`page ${place[0]}, ${kind}`, ['sign in'], async house => look(await house.as('ana', options), kind, place))

  journeys.add('pages of one release, dark and on a phone', ['sign in'], async (house, state) => {
    for (const kind of ['dark', 'phone']) {
      const page = await house.as('ana', kinds[kind])
      const { items } = await api(page, '/releases?limit=1')
      const found = state.id ?? items[0]?.id
      check(found, 'there is a release')
      await page.goto(`${url}/releases/${found}`)
      await page.getByTestId('sentence').waitFor()
      await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null)
      await accessible(page, `a release, ${kind}`)
      await picture(page, `release-${kind}`)
    }
  })

  journeys.add('may one ship?', ['sign in'], async house => {
    const page = await house.as('rita')
    await page.goto(`${url}/calendar`)
    await page.getByRole('button', { name: 'May one ship?' }).click()
    const dialog = page.getByRole('dialog')
    await page.getByRole('combobox', { name: 'Environment' }).or(dialog.getByRole('textbox', { name: 'Environment' })).last().click()
    await page.getByRole('option', { name: 'production' }).last().click()
    await dialog.getByRole('button', { name: 'Ask' }).click()
    await dialog.getByTestId('check-answer').waitFor()
    await accessible(page, 'the question to the calendar')
  })

  journeys.add('a token is issued, shown once, and revoked', ['sign in'], async house => {
    const page = await house.as('ana')
    await page.goto(`${url}/administration/tokens`)
    await page.getByRole('button', { name: 'Make a token' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('browser journey')
    await dialog.getByRole('button', { name: 'Make it' }).click()
    await dialog.getByText('Copy it now').waitFor()
    await dialog.getByRole('button', { name: 'I have copied it' }).click()
    const row = page.getByRole('row').filter({ hasText: 'browser journey' }).filter({ has: page.getByRole('button', { name: 'Revoke' }) })
    await row.first().getByRole('button', { name: 'Revoke' }).click()
    await row.first().waitFor({ state: 'hidden' })
  })
}
