// In and out: sign-in, the one-time link, sign-out.
import { accessible } from '../lib/axe.mjs'
import { check } from '../lib/check.mjs'
import { picture, signIn } from '../lib/house.mjs'
import { passwordOf, url } from '../lib/options.mjs'

export function doors(journeys) {
  journeys.add('sign in', [], async house => {
    const page = await house.fresh()
    await page.goto(`${url}/releases?state=open`)
    await page.waitForURL('**/sign-in?to=*')
    await accessible(page, 'sign-in')
    await picture(page, 'sign-in')
    await page.getByLabel('Login').fill('rita')
    await page.getByRole('textbox', { name: 'Password' }).fill('certainly-not-this')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    check((await page.getByLabel('Login').inputValue()) === 'rita', 'what was typed is kept')
    await page.getByRole('textbox', { name: 'Password' }).fill(passwordOf('rita'))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Releases' }).waitFor()
    check(page.url().endsWith('/releases?state=open'), 'sign-in leads to where one wanted to go')
    await page.context().close()
  })

  journeys.add('a one-time link that is spent', [], async house => {
    const page = await house.fresh()
    await page.goto(`${url}/setup`)
    await page.getByText('The link is incomplete').waitFor()
    await accessible(page, 'set-up without a secret')
    await page.goto(`${url}/setup#0123456789abcdef0123456789abcdef`)
    await page.reload()
    await page.getByLabel('Your name').fill('Mallory')
    await page.getByLabel('Login').fill('mallory')
    await page.getByRole('textbox', { name: 'Password' }).fill('a long enough password')
    await accessible(page, 'set-up')
    await page.getByRole('button', { name: 'Make the account and sign in' }).click()
    await page.getByRole('alert').waitFor()
    await page.context().close()
  })

  journeys.add('sign out', ['sign in'], async house => {
    const page = await house.fresh()
    await signIn(page, 'aude', passwordOf('aude'))
    await page.getByRole('button', { name: /: menu$/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.waitForURL('**/sign-in')
    await page.goto(url)
    await page.waitForURL('**/sign-in?to=*')
    await page.context().close()
  })
}
