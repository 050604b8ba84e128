// One release through the whole house, by the people who may.
import { accessible } from '../lib/axe.mjs'
import { check, until } from '../lib/check.mjs'
import { api, picture, post, visit } from '../lib/house.mjs'
import { url } from '../lib/options.mjs'

const service = 'checkout'
const version = '1.1.0'

/** Chooses in a list that opens. */
export async function choose(page, label, option) {
  await page.getByRole('dialog').getByRole('combobox', { name: label }).or(page.getByRole('dialog').getByRole('textbox', { name: label })).first().click()
  await page.getByRole('option', { name: option }).first().click()
}

/** Local text of a `datetime-local` field in the time zone of the browser. */
const localText = (page, instant) =>
  page.evaluate(at => {
    const date = new Date(at)
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
  }, instant)

const stateOf = page => page.getByTestId('sentence').getAttribute('data-state')

async function confirm(page, action, fields = {}) {
  await page.locator(`[data-action="${action}"][data-allowed="true"]`).first().click()
  const dialog = page.getByRole('dialog')
  for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label).fill(text)
  await dialog.getByTestId('confirm').click()
  await dialog.waitFor({ state: 'hidden' })
}

/** What an earlier run has left behind stands in the way of this one: it is taken back, its review is done, and its build let go. */
async function tidy(house) {
  const olu = await house.as('olu')
  for (const state of ['deploying', 'stabilising'])
    for (const it of (await api(olu, `/releases?state=${state}`)).items) {
      await post(olu, `/releases/${it.id}/roll-back`, { reason: 'Left over from an earlier run' })
      await until(async () => (await api(olu, `/releases/${it.id}`)).status.is_terminal, `${it.name} is taken back`, 180_000)
    }
  const rita = await house.as('rita')
  for (const it of (await api(rita, '/reviews?status=open')).items) {
    const due = new Date(Date.now() + 86_400_000).toISOString()
    await post(rita, `/reviews/${it.id}/complete`, { root_cause: 'An earlier run was cut short', actions: [{ text: 'None', owner: 'dana', due }] })
  }
  const held = (await api(rita, '/quarantines')).items.filter(it => !it.status.is_terminal)
  for (const it of held) await post(rita, `/quarantines/${it.id}/lift`, { reason: 'The journeys ship this build again' })
}

export function release(journeys) {
  journeys.add('nothing is left over', ['sign in'], tidy)

  journeys.add('plan into a freeze, take an offered slot', ['nothing is left over'], async (house, state) => {
    const page = await house.as('rita')
    const from = new Date().toISOString()
    const to = new Date(Date.now() + 7 * 86_400_000).toISOString()
    const { entries } = await api(page, `/calendar?from=${from}&to=${to}`)
    const freeze = entries.find(it => it.kind === 'freeze')
    check(freeze, 'a freeze lies ahead')
    await visit(page, '/', 'Today')
    await page.getByRole('link', { name: 'Plan a release' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill(state.name)
    await dialog.getByLabel('What it is for').fill('Say when an order arrives')
    await choose(page, 'Services', service)
    await page.keyboard.press('Escape')
    await choose(page, 'Environment', /^production/)
    await choose(page, `Version of ${service}`, new RegExp(`^${version.replaceAll('.', '\\.')}`))
    await choose(page, 'Who answers for taking it back', 'Olu Adeyemi')
    await choose(page, 'Their deputy', 'Rita Moreau')
    await dialog.getByRole('button', { name: 'Canary, triggers and watch' }).click()
    const details = { 'A look each': '1s', 'Looks at most': '120', 'Looks at least': '40', 'Harm: additional errors': '3', 'Harm: slower by': '50', 'Watched after the last wave for': '15s', 'Between two looks of the watch': '1s' }
    for (const [label, text] of Object.entries(details)) await dialog.getByLabel(label, { exact: false }).fill(text)
    const middle = new Date((Date.parse(freeze.start) + Date.parse(freeze.end)) / 2).toISOString()
    await dialog.getByLabel(/^Window starts/).fill(await localText(page, middle))
    await dialog.getByTestId('blockers').first().waitFor()
    check((await dialog.getByTestId('blockers').first().textContent()).includes(freeze.title), 'the freeze is named while the window is chosen')
    await dialog.getByTestId('plan').click()
    await dialog.getByRole('alert').waitFor()
    const refusal = dialog.getByRole('alert')
    check((await refusal.textContent()).includes(freeze.title), 'the refusal names the freeze')
    await dialog.getByTestId('plan').scrollIntoViewIfNeeded()
    await accessible(page, 'a refused plan')
    await picture(page, 'plan-refused')
    const offered = refusal.getByTestId('slot')
    check((await offered.count()) > 0, 'slots are offered')
    await offered.first().click()
    await dialog.getByTestId('plan').click()
    await page.waitForURL('**/releases/*')
    await page.getByRole('heading', { level: 1, name: state.name }).waitFor()
    check((await stateOf(page)) === 'planned', 'it is planned for the offered slot')
    state.address = page.url()
    state.id = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1))
  })

  journeys.add('move it to now, freeze its scope', ['plan into a freeze, take an offered slot'], async house => {
    const page = await house.as('rita')
    await page.locator('[data-action="plan"]').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByTestId('slot').first().click()
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    await confirm(page, 'freeze')
    await until(async () => (await stateOf(page)) === 'frozen', 'the scope is frozen')
  })

  journeys.add('the author may not approve', ['move it to now, freeze its scope'], async (house, state) => {
    const page = await house.as('dana')
    await visit(page, `/releases/${state.id}`, state.name)
    const approve = page.locator('[data-action="approve"]')
    check((await approve.getAttribute('data-allowed')) === 'false', 'approving is refused')
    await approve.click()
    const why = page.getByTestId('why-not')
    await why.waitFor()
    check(/wrote part/.test(await why.textContent()), 'the refusal says why')
    await picture(page, 'author-refused')
    await page.keyboard.press('Escape')
  })

  journeys.add('approve, with a condition', ['move it to now, freeze its scope'], async (house, state) => {
    const amir = await house.as('amir')
    await visit(amir, `/releases/${state.id}`, state.name)
    await confirm(amir, 'approve', { Reason: 'Tests read; the date is new to customers', Conditions: 'Customer service knows about delivery dates' })
    await amir.getByTestId('condition').waitFor()
    const bea = await house.as('bea')
    await visit(bea, `/releases/${state.id}`, state.name)
    await confirm(bea, 'approve', { Reason: 'Small, and it has a way back' })
    const rita = await house.as('rita')
    await until(async () => (await rita.getByTestId('approval').count()) === 2, 'the page of another person follows by itself', 15_000)
    check((await rita.locator('[data-testid="gate"][data-verdict="fail"], [data-testid="gate"][data-verdict="inconclusive"]').count()) > 0, 'the condition keeps a gate shut')
    await rita.locator('#gates').scrollIntoViewIfNeeded()
    await accessible(rita, 'a release that is held')
    await picture(rita, 'release-held')
  })

  journeys.add('meet the condition, authorise', ['approve, with a condition'], async (house, state) => {
    const dana = await house.as('dana')
    await visit(dana, `/releases/${state.id}`, state.name)
    await dana.locator('[data-action="meet"]').click()
    const dialog = dana.getByRole('dialog')
    await dialog.getByLabel('How it was met').fill('Told them in their morning meeting; minutes are in their channel')
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    const rita = await house.as('rita')
    await until(async () => (await stateOf(rita)) === 'ready', 'every gate passes')
    await rita.evaluate(() => window.scrollTo(0, 0))
    await confirm(rita, 'authorise')
    await until(async () => (await stateOf(rita)) === 'authorised', 'it is authorised')
  })

  journeys.add('deploy, watch the canary live', ['meet the condition, authorise'], async (house, state) => {
    const page = await house.as('olu')
    await visit(page, `/releases/${state.id}`, state.name)
    await page.keyboard.press('d')
    await page.getByRole('dialog').getByTestId('confirm').click()
    await until(async () => (await stateOf(page)) === 'deploying', 'it is being deployed')
    await page.getByTestId('wave').first().waitFor()
    const step = page.getByTestId('step').nth(1)
    await step.click()
    await page.getByTestId('output').waitFor()
    await page.locator('#deployment').scrollIntoViewIfNeeded()
    await picture(page, 'deployment')
    await page.getByRole('button', { name: 'Close the output' }).click()
    await page.locator('#canary').waitFor({ timeout: 60_000 })
    await page.getByTestId('indicator').first().waitFor({ timeout: 60_000 })
    const looks = async () => Number(await page.getByTestId('looks').getAttribute('data-looks'))
    const before = await until(looks, 'the first look')
    await until(async () => (await looks()) >= before + 20, 'the picture goes on by itself')
    await page.locator('#canary').evaluate(it => window.scrollTo(0, it.getBoundingClientRect().top + window.scrollY - 120))
    await accessible(page, 'a release whose canary runs')
    await picture(page, 'canary')
    state.watched = true
  })

  journeys.add('roll back', ['deploy, watch the canary live'], async (house, state) => {
    const page = await house.as('olu')
    await page.keyboard.press('b')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('Customers ask what the date means')
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    await until(async () => (await stateOf(page)) === 'rolled_back', 'it is rolled back')
    await until(async () => (await page.locator('#rollback').textContent())?.includes('Succeeded'), 'the rollback has succeeded')
    check((await page.getByTestId('criterion').count()) >= 2, 'its criteria are shown')
    await page.evaluate(() => window.scrollTo(0, 0))
    await accessible(page, 'a release that was rolled back')
    await picture(page, 'rolled-back')
    state.back = true
  })

  journeys.add('complete the review', ['roll back'], async (house, state) => {
    const page = await house.as('rita')
    await page.goto(url)
    await page.getByRole('heading', { level: 1, name: 'Today' }).waitFor()
    await picture(page, 'today')
    await visit(page, `/releases/${state.id}`, state.name)
    await page.locator('#review').waitFor()
    await page.locator('[data-action="complete"]').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Root cause').fill('Nobody had asked customers whether the words are clear')
    await dialog.getByLabel('Contributing factors').fill('The text was agreed late\nNo trial with customer service')
    await dialog.getByLabel('What changes because of it').fill('Texts are tried with customer service before they ship')
    await choose(page, 'Who does it', 'Dana Novak')
    await dialog.getByLabel(/^By when/).fill(await localText(page, new Date(Date.now() + 14 * 86_400_000).toISOString()))
    await accessible(page, 'the dialog of a review')
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    await until(async () => (await page.locator('#review').textContent())?.includes('Done'), 'the review is done')
    await page.locator('#review').scrollIntoViewIfNeeded()
    await picture(page, 'review')
  })

  journeys.add('figures lead to their entries, a proof is verified', ['complete the review'], async house => {
    const page = await house.as('aude')
    await visit(page, '/dora', 'Metrics')
    await page.getByTestId('figure-change_failure_rate').click()
    await page.getByTestId('observation').first().waitFor()
    await accessible(page, 'figures')
    await picture(page, 'metrics')
    await page.getByTestId('observation').first().getByRole('link').last().click()
    await page.getByRole('heading', { level: 1, name: /^Entry / }).waitFor()
    await page.getByTestId('verify').click()
    await page.getByTestId('check').first().waitFor()
    const outcomes = await page.getByTestId('check').evaluateAll(all => all.map(it => it.dataset.outcome))
    check(outcomes.length === 3 && outcomes.every(it => it === 'pass'), `leaf, path and signature pass, not ${outcomes.join()}`)
    await accessible(page, 'an entry')
    await picture(page, 'entry')
  })
}
