// Runs journeys one after the other and counts them. One that needs another which failed is skipped.
export class Journeys {
  #results = new Map()

  constructor(only = '') {
    this.only = only
    this.all = []
  }

  add(name, needs, run) {
    this.all.push({ name, needs, run })
  }

  #wanted() {
    const wanted = new Set()
    const want = name => {
      if (wanted.has(name)) return
      wanted.add(name)
      for (const need of this.all.find(it => it.name === name)?.needs ?? []) want(need)
    }
    for (const { name } of this.all) if (name.includes(this.only)) want(name)
    return this.all.filter(it => wanted.has(it.name))
  }

  async run(house, state) {
    for (const { name, needs, run } of this.#wanted()) {
      const broken = needs.filter(need => this.#results.get(need) !== 'passed')
      if (broken.length > 0) {
        this.#results.set(name, 'skipped')
        console.log(`skipped  ${name}: needs ${broken.join(', ')}`)
        continue
      }
      const begun = Date.now()
      try {
        await run(house, state)
        if (house.errors.length > 0) throw new Error(`the page logged errors:\n      ${house.errors.splice(0).join('\n      ')}`)
        this.#results.set(name, 'passed')
        console.log(`passed   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`)
      } catch (error) {
        this.#results.set(name, 'failed')
        house.errors.length = 0
        console.log(`failed   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)\n      ${error.message}`)
      }
    }
    const count = outcome => [...this.#results.values()].filter(it => it === outcome).length
    console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
    return count('failed') === 0 && count('passed') > 0
  }
}

export function check(truth, words) {
  if (!truth) throw new Error(`expected: ${words}`)
}

/** Waits until `look` gives something true, looking every 300 ms. */
export async function until(look, words, limit = 90_000) {
  const end = Date.now() + limit
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() > end) throw new Error(`waited ${limit / 1000} s in vain for: ${words}`)
    await new Promise(resolve => setTimeout(resolve, 300))
  }
}
