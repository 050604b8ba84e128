// Accessibility: axe-core over the page as it is, without faults of impact serious or critical.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export async function accessible(page, name) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'))
  // What is still moving or fading has colours it will not keep.
  await page.evaluate(() => Promise.all(document.getAnimations().filter(it => it.effect?.getTiming().iterations !== Infinity).map(it => it.finished.catch(() => null))))
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source)
  const faults = await page.evaluate(async () => {
    const found = await window.axe.run(document, { resultTypes: ['violations'] })
    return found.violations
      .filter(it => it.impact === 'serious' || it.impact === 'critical')
      .map(it => `${it.impact} ${it.id}: ${it.nodes.slice(0, 3).map(node => `${node.target.join(' ')} (${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ''})`).join('; ')}`)
  })
  if (faults.length > 0) throw new Error(`axe finds on ${name}:\n      ${faults.join('\n      ')}`)
}
