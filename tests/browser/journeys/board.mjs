// A whole meeting of the board through the page, by four people in four browsers: a chair, a member, a delegate of another member, and
// the author, who is a member too; a fourth member does not come. Ends with a condition that is a gate, and signed minutes.
import { accessible } from '../lib/axe.mjs'
import { check, until } from '../lib/check.mjs'
import { api, narrow, picture, post, signIn, visit } from '../lib/house.mjs'
import { passwordOf, url } from '../lib/options.mjs'

const board = 'cab'
const service = 'checkout'

/** Puts to the API with the page's own session. */
const put = (page, path, body) =>
  page.evaluate(
    async ([at, text]) => {
      const session = await (await fetch('/api/v1/session')).json()
      const headers = { 'content-type': 'application/json', 'x-csrf-token': session.csrf_token, 'idempotency-key': crypto.randomUUID() }
      const response = await fetch(`/api/v1${at}`, { method: 'PUT', headers, body: text })
      if (!response.ok) throw new Error(`${at}: ${await response.text()}`)
    },
    [path, JSON.stringify(body)],
  )

/** Presses the button of an action and fills its dialog. */
async function does(page, action, fields = {}, choices = {}) {
  await page.locator(`[data-action="${action}"][data-allowed="true"]`).first().click()
  const dialog = page.getByRole('dialog')
  for (const [label, option] of Object.entries(choices)) {
    await dialog.getByRole('combobox', { name: label }).or(dialog.getByRole('textbox', { name: label })).first().click()
    await page.getByRole('option', { name: option }).first().click()
  }
  for (const [label, text] of Object.entries(fields)) await dialog.getByLabel(label).first().fill(text)
  await dialog.getByTestId('confirm').click()
  return dialog
}

async function done(page, action, fields, choices) {
  const dialog = await does(page, action, fields, choices)
  await dialog.waitFor({ state: 'hidden' })
}

const statusOf = async page => page.getByTestId('meeting').getAttribute('data-status')

export function boards(journeys) {
  journeys.add('a board is set up and a change waits for it', ['sign in'], async (house, state) => {
    const ana = await house.as('ana')
    await put(ana, `/boards/${board}`, { members: ['amir', 'bea', 'dana', 'elin'], chairs: ['rita'], quorum: 2, rule: 'majority' })
    await put(ana, '/flows/normal', { board: { board, from: 'high' } })
    const rita = await house.as('rita')
    state.boardRelease = `${state.name}-board`
    const builds = (await api(rita, `/artifacts?service=${service}&limit=200`)).items
    const build = builds.find(it => it.version === '1.1.0') ?? builds[0]
    const spec = {
      environment: 'production',
      class: 'normal',
      summary: 'Say when an order arrives, as the board wants to know',
      pipeline: (await api(rita, '/pipelines?limit=1')).items[0].name,
      length: '1h',
      items: [{ service, digest: build.digest }],
      triggers: [{ name: 'errors', indicator: { error_ratio: { service, window: '1m' } }, comparison: 'above', threshold: 0.05, for: '10s', action: 'rollback', owner: 'olu', deputy: 'rita' }],
      rollback: { criteria: [{ name: 'answers', http: { path: '/healthz' } }] },
      watch: { length: '1m', interval: '5s' },
    }
    await post(rita, '/releases', { name: state.boardRelease, spec })
    const bea = await house.as('bea')
    const now = Date.now()
    await post(bea, '/delegations', { to: 'olu', start: new Date(now - 60_000).toISOString(), end: new Date(now + 3_600_000).toISOString() })
    await visit(rita, '/changes', 'Changes')
    await rita.getByTestId('waiting').filter({ hasText: state.boardRelease }).waitFor()
    await accessible(rita, 'boards')
    await picture(rita, 'boards')
  })

  journeys.add('the chair calls and opens a meeting', ['a board is set up and a change waits for it'], async (house, state) => {
    const rita = await house.as('rita')
    const at = await rita.evaluate(() => {
      const date = new Date(Date.now() + 600_000)
      return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
    })
    await done(rita, 'meetings', { When: at })
    await rita.getByTestId('meeting-row').first().getByRole('link').click()
    await rita.getByRole('heading', { level: 1, name: `Meeting of ${board}` }).waitFor()
    state.meeting = decodeURIComponent(new URL(rita.url()).pathname.split('/').at(-1))
    check((await statusOf(rita)) === 'called', 'it is called')
    // What other runs have left waiting is not this meeting's.
    const { change } = (await api(rita, `/meetings/${state.meeting}`)).agenda.find(it => it.change.name === state.boardRelease)
    state.boardChange = change.id
    await post(rita, `/meetings/${state.meeting}/agenda`, { agenda: [change.id] })
    await done(rita, 'open')
    await until(async () => (await statusOf(rita)) === 'open', 'it is open')
  })

  journeys.add('a member, a delegate and the author join', ['the chair calls and opens a meeting'], async (house, state) => {
    for (const who of ['amir', 'olu', 'dana']) {
      const page = await house.as(who)
      await visit(page, `/meetings/${state.meeting}`, `Meeting of ${board}`)
      await done(page, 'join')
    }
    const rita = await house.as('rita')
    await until(async () => (await rita.locator('[data-testid="seat"][data-status="here"]').count()) === 2, 'two are there themselves', 15_000)
    check((await rita.locator('[data-testid="seat"][data-status="represented"]').textContent()).includes('by Olu'), 'Olu sits for Bea')
    check((await rita.locator('[data-testid="seat"][data-status="absent"]').count()) === 1, 'one is absent')
  })

  journeys.add('the author has no vote', ['a member, a delegate and the author join'], async house => {
    const dana = await house.as('dana')
    const button = dana.locator('[data-action="vote"]').first()
    check((await button.getAttribute('data-allowed')) === 'false', 'voting is refused')
    await button.click()
    const why = dana.getByTestId('why-not')
    await why.waitFor()
    check(/wrote part/.test(await why.textContent()), 'the refusal says why')
    await dana.keyboard.press('Escape')
  })

  journeys.add('votes are signed, and a wrong password signs nothing', ['the author has no vote'], async house => {
    const amir = await house.as('amir')
    const dialog = await does(amir, 'vote', { Reason: 'Tests read; the date is new to customers', 'Your password': 'certainly-not-this' }, { 'Your vote': 'For it' })
    await dialog.getByRole('alert').waitFor()
    check(/nothing is signed/.test(await dialog.getByRole('alert').textContent()), 'a wrong password is refused')
    check((await dialog.getByLabel('Reason').inputValue()) !== '', 'what was typed is kept')
    await accessible(amir, 'a refused vote')
    await dialog.getByLabel('Your password').first().fill(passwordOf('amir'))
    await dialog.getByTestId('confirm').click()
    await dialog.waitFor({ state: 'hidden' })
    const olu = await house.as('olu')
    await done(olu, 'vote', { Reason: 'It has a way back', Conditions: 'Customer service knows about delivery dates', 'Your password': passwordOf('olu') }, { 'Your vote': 'For it' })
    const rita = await house.as('rita')
    await until(async () => (await rita.getByTestId('vote').count()) === 2, 'the page of the chair follows by itself', 15_000)
    check((await rita.getByTestId('vote').filter({ hasText: 'for Bea' }).getByTestId('signature').textContent()).includes('approval'), 'the signature says what it means')
    check((await rita.getByTestId('tally').textContent()).startsWith('2 for, 0 against'), 'two are for it')
    check((await rita.getByTestId('tally').textContent()).includes('not counted'), 'the author is no head of the quorum')
    await accessible(rita, 'a meeting')
    await picture(rita, 'meeting')
    const phone = await house.fresh({ viewport: narrow, colorScheme: 'dark' })
    await signIn(phone, 'amir', passwordOf('amir'))
    await phone.goto(rita.url())
    await phone.getByTestId('vote').first().waitFor()
    check(await phone.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing is wider than a phone')
    await accessible(phone, 'a meeting on a phone, dark')
    await picture(phone, 'meeting-phone')
    await phone.context().close()
  })

  journeys.add('the board decides, and its condition is a gate', ['votes are signed, and a wrong password signs nothing'], async (house, state) => {
    const rita = await house.as('rita')
    await done(rita, 'conclude')
    await until(async () => (await rita.getByTestId('item').getAttribute('data-verdict')) === 'approved', 'it is approved')
    await done(rita, 'close', { Remarks: 'Elin was absent', 'Your password': passwordOf('rita') })
    await until(async () => (await statusOf(rita)) === 'closed', 'it is closed')
    check((await rita.getByTestId('signature').last().textContent()).includes('responsibility'), 'the minutes are signed')
    const minutes = await rita.evaluate(async at => (await fetch(at)).text(), `/api/v1/meetings/${state.meeting}/minutes`)
    check(minutes.includes('for Bea') && minutes.includes('absent') && minutes.includes('Condition'), 'the minutes name the delegate, the absentee and the condition')
    const release = await api(rita, `/releases/${state.boardRelease}`)
    check(release.change.board.status.value === 'approved', 'the change knows')
    const verdicts = Object.fromEntries(release.gates.map(it => [it.id, it.verdict]))
    check(verdicts.board === 'pass' && verdicts.conditions === 'fail', 'the board gate passes, the condition is a gate')
    await visit(rita, `/releases/${state.boardRelease}`, state.boardRelease)
    await rita.getByTestId('condition').waitFor()
    await accessible(rita, 'a release that the board has approved')
  })

  journeys.add('what was set up for the board is taken back', ['a board is set up and a change waits for it'], async (house, state) => {
    await put(await house.as('ana'), '/flows/normal', {})
    const rita = await house.as('rita')
    await post(rita, `/releases/${state.boardRelease}/cancel`, { reason: 'The journey is over' })
    for (const tab of ['templates', 'emergencies', 'flows']) {
      await rita.goto(`${url}/changes/${tab}`)
      await rita.getByRole('heading', { level: 1, name: 'Changes' }).waitFor()
      await accessible(rita, `changes, ${tab}`)
    }
  })
}
