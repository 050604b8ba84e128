// Without a pointer: everything here is done with keys alone.
import { check, until } from '../lib/check.mjs'
import { passwordOf, url } from '../lib/options.mjs'

/** Presses Tab until what has the focus is wanted. */
async function tabTo(page, wanted, words, most = 80) {
  for (let n = 0; n < most; n++) {
    const at = await page.evaluate(() => {
      const it = document.activeElement
      const label = it?.labels?.[0]?.textContent ?? it?.getAttribute('aria-label') ?? it?.textContent ?? ''
      const box = it?.getBoundingClientRect()
      return { label: label.trim(), action: it?.dataset?.action ?? '', test: it?.dataset?.testid ?? '', seen: box ? box.width > 0 && box.height > 0 : false }
    })
    if (wanted(at)) {
      check(at.seen, `${words} can be seen when it has the focus`)
      return at
    }
    await page.keyboard.press('Tab')
  }
  throw new Error(`no Tab leads to ${words}`)
}
const label = (page, text) => tabTo(page, it => it.label.startsWith(text), `“${text}”`)
async function pick(page, text, letters, many = false) {
  await label(page, text)
  await page.keyboard.type(letters)
  await page.waitForTimeout(150)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  // A list of many stays open for more.
  if (many) await page.keyboard.press('Tab')
}
/** A list one cannot type into: down to the option that begins so. */
async function pickFrom(page, text, option) {
  await label(page, text)
  await page.keyboard.press('Enter')
  await page.waitForTimeout(150)
  for (let n = 0; n < 12; n++) {
    await page.keyboard.press('ArrowDown')
    const at = await page.evaluate(() => document.querySelector('[role="option"][data-combobox-selected]')?.textContent ?? '')
    if (at.startsWith(option)) return page.keyboard.press('Enter')
  }
  throw new Error(`no key leads to ${option}`)
}

export function keyboard(journeys) {
  journeys.add('by keyboard alone', ['sign in'], async (house, state) => {
    const page = await house.fresh()
    const keys = page.keyboard
    const name = `${state.name}-keys`
    await page.goto(`${url}/sign-in`)
    await page.getByLabel('Login').waitFor()
    // The first field has the focus already.
    await keys.type('rita')
    await label(page, 'Password')
    await keys.type(passwordOf('rita'))
    await keys.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Today' }).waitFor()

    await keys.press('g')
    await keys.press('c')
    await page.getByRole('heading', { level: 1, name: 'Calendar' }).waitFor()
    await keys.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await keys.press('Escape')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' })

    await keys.press('n')
    await page.getByRole('dialog', { name: 'Plan a release' }).waitFor()
    await label(page, 'Name')
    await keys.type(name)
    await label(page, 'What it is for')
    await keys.type('Typed, not clicked')
    await pick(page, 'Services', 'checkout', true)
    await pickFrom(page, 'Environment', 'production')
    await pick(page, 'Version of checkout', '1.2.1')
    await pick(page, 'Who answers for taking it back', 'Olu')
    await pick(page, 'Their deputy', 'Rita')
    await tabTo(page, it => it.test === 'slot', 'an offered slot')
    await keys.press('Enter')
    await tabTo(page, it => it.test === 'plan', 'the button that plans')
    await keys.press('Enter')
    await page.getByRole('heading', { level: 1, name }).waitFor()
    check((await page.getByTestId('sentence').getAttribute('data-state')) === 'planned', 'it is planned')

    await tabTo(page, it => it.action === 'cancel', 'Cancel')
    await keys.press('Enter')
    await page.getByRole('dialog').waitFor()
    await label(page, 'Reason')
    await keys.type('Only to show that keys are enough')
    await tabTo(page, it => it.test === 'confirm', 'the button that confirms')
    await keys.press('Enter')
    await until(async () => (await page.getByTestId('sentence').getAttribute('data-state')) === 'cancelled', 'it is cancelled', 15_000)

    await keys.press('Control+k')
    await page.getByPlaceholder(/^Find a release/).waitFor()
    await keys.type(name)
    await page.locator('.mantine-Spotlight-action').filter({ hasText: name }).first().waitFor()
    await keys.press('Enter')
    await page.getByPlaceholder(/^Find a release/).waitFor({ state: 'hidden' })
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await keys.press('g')
    await keys.press('l')
    await page.getByRole('heading', { level: 1, name: 'Ledger' }).waitFor()
    await label(page, 'Search the ledger')
    await keys.type('0')
    await keys.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Entry 0' }).waitFor()
    await tabTo(page, it => it.test === 'verify', 'Verify')
    await keys.press('Enter')
    await page.getByTestId('check').first().waitFor()
    await page.context().close()
  })
}
