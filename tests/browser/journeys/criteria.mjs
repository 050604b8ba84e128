// Criteria of a release: missing, met, signed by a named person, excepted from a freeze; and the controls with their report.
import { accessible } from '../lib/axe.mjs'
import { check, until } from '../lib/check.mjs'
import { api, narrow, picture, post, visit } from '../lib/house.mjs'
import { passwordOf, url } from '../lib/options.mjs'

/** Attaches a document as it is, with the page's own session; the status of the answer and its problem. */
const attach = (page, digest, kind, name, text) =>
  page.evaluate(
    async ([at, body]) => {
      const session = await (await fetch('/api/v1/session')).json()
      const headers = { 'content-type': 'application/octet-stream', 'x-csrf-token': session.csrf_token, 'idempotency-key': crypto.randomUUID() }
      const response = await fetch(at, { method: 'POST', headers, body })
      return { status: response.status, body: await response.json() }
    },
    [`/api/v1/artifacts/${digest}/evidence?kind=${kind}&name=${name}`, text],
  )

const cases = count => Array.from({ length: count }, (_, n) => `<testcase name="t${n}"/>`).join('')
const report = count => `<testsuites><testsuite name="unit" tests="${count}">${cases(count)}</testsuite></testsuites>`

export function criteria(journeys) {
  journeys.add('a release says what evidence it waits for', ['sign in'], async (house, state) => {
    const page = await house.as('rita')
    const builds = (await api(page, '/artifacts?service=checkout&version=1.1.0')).items
    state.build = builds[0].digest
    const spec = {
      environment: 'staging',
      class: 'normal',
      summary: 'Shows what has to be shown',
      items: [{ service: 'checkout', digest: state.build }],
      pipeline: 'shop',
      length: '1h',
      watch: { length: '1m', interval: '5s' },
      criteria: [
        {
          name: 'tests',
          tests: { evidence: `unit-${state.name}`, at_least: 20, fresh: '7d' },
          signature: { meaning: 'approved', by: ['amir'], independent: true },
        },
        { name: 'code-freeze', code_freeze: { at: '2020-01-01T00:00:00Z' } },
        { name: 'components', components: { evidence: `sbom-${state.name}`, at_least: 2, fresh: '30d' } },
      ],
    }
    await post(page, '/releases', { name: `${state.name}-shown`, spec })
    await visit(page, `/releases/${state.name}-shown`, `${state.name}-shown`)
    const cards = page.getByTestId('criterion')
    await cards.first().waitFor()
    check((await cards.count()) === 3, 'three criteria are shown')
    check((await cards.nth(0).getAttribute('data-verdict')) === 'inconclusive', 'without evidence the tests are inconclusive')
    check((await cards.nth(1).getAttribute('data-verdict')) === 'fail', 'commits after the freeze fail')
    check((await cards.nth(0).textContent()).includes('evidence-missing'), 'the code says what is missing')
    await accessible(page, 'criteria')
    await picture(page, 'criteria')
  })

  journeys.add('evidence meets a criterion, and a named person signs it', ['a release says what evidence it waits for'], async (house, state) => {
    const dana = await house.as('dana')
    const broken = await attach(dana, state.build, 'junit', `unit-${state.name}`, '<testsuites>')
    check(broken.status === 422 && broken.body.code === 'document-syntax', 'a broken document is refused with its code')
    const good = await attach(dana, state.build, 'junit', `unit-${state.name}`, report(24))
    check(good.status === 201, `a report is attached: ${JSON.stringify(good.body)}`)
    const page = await house.as('amir')
    await visit(page, `/releases/${state.name}-shown`, `${state.name}-shown`)
    const card = page.getByTestId('criterion').first()
    await card.locator('[data-action="sign"]').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('combobox', { name: 'What your signature means' }).or(dialog.getByRole('textbox', { name: 'What your signature means' })).first().click()
    await page.getByRole('option', { name: 'I approve it' }).click()
    await dialog.getByLabel('Your password').fill('not this one')
    await dialog.getByTestId('confirm').click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByLabel('Your password').fill(passwordOf('amir'))
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    await until(async () => (await card.getAttribute('data-verdict')) === 'pass', 'the criterion is met', 15_000)
    check((await card.textContent()).includes('signed it as approved'), 'the signature is shown with its meaning')
  })

  journeys.add('commits are let through a freeze by name', ['evidence meets a criterion, and a named person signs it'], async (house, state) => {
    const page = await house.as('rita')
    await visit(page, `/releases/${state.name}-shown`, `${state.name}-shown`)
    const card = page.getByTestId('criterion').nth(1)
    await card.locator('[data-action="except"]').click()
    const dialog = page.getByRole('dialog')
    check((await dialog.getByLabel('Commits').inputValue()).length >= 40, 'the commits stand there already')
    await dialog.getByLabel('Reason').fill('Looked at one by one')
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    await until(async () => (await card.getAttribute('data-verdict')) === 'pass', 'the freeze is met', 15_000)
    await page.getByText('Looked at one by one').waitFor()
    await picture(page, 'criteria-met')
    const phone = await house.as('rita', { viewport: narrow, colorScheme: 'dark' })
    await visit(phone, `/releases/${state.name}-shown`, `${state.name}-shown`)
    await phone.getByTestId('criterion').first().waitFor()
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    check(wide <= 0, `nothing is wider than the phone: ${wide}`)
    await accessible(phone, 'criteria, phone, dark')
  })

  journeys.add('controls, and the report of a quarter', ['sign in'], async house => {
    const page = await house.as('aude')
    await visit(page, '/administration/controls', 'Administration')
    await page.getByTestId('control').first().waitFor()
    check((await page.getByTestId('control').count()) >= 20, 'every control is listed')
    await accessible(page, 'controls')
    const address = await page.getByTestId('control-report').getAttribute('href')
    const report = await house.as('aude')
    await report.goto(url + address)
    await report.getByRole('heading', { level: 1, name: /^Control report/ }).waitFor()
    const told = await api(report, address.replace('/api/v1', '').replace('format=html', 'format=json'))
    check(told.population === told.changes.length, 'the population is what is listed')
    await accessible(report, 'control report')
    await picture(report, 'control-report')
  })
}
