/** Pure arithmetic behind the canary picture. */
import type { Canary, Indicator } from '~/lib/api/deployment'
import { ratio } from '~/lib/format'

/** Ratios outside this are drawn at its edge; the numbers beside the picture stay exact. */
const floor = 1 / 16
const ceiling = 16
const clamp = (value: number, low = floor, high = ceiling) => Math.min(high, Math.max(low, value))

/** The smallest range of whole powers of two that holds both lines and all estimates, limited to 1/16..16. */
export function effectRange(canary: Pick<Canary, 'looks' | 'tolerance' | 'harm'>): [number, number] {
  const recent = canary.looks.slice(Math.floor(canary.looks.length / 5))
  const values = recent.flatMap(look => [look.low, look.high, look.effect]).filter(v => Number.isFinite(v) && v > 0)
  const low = Math.min(0.5, ...values.map(v => clamp(v)))
  const high = Math.max(canary.harm * 1.3, ...values.map(v => clamp(v)))
  return [2 ** Math.floor(Math.log2(low)), 2 ** Math.ceil(Math.log2(high))]
}

export function chartData(canary: Canary): [number[], number[], number[], number[]] {
  const [low, high] = effectRange(canary)
  return [
    canary.looks.map(look => new Date(look.at).getTime() / 1000),
    canary.looks.map(look => clamp(look.high, low, high)),
    canary.looks.map(look => clamp(look.low, low, high)),
    canary.looks.map(look => clamp(look.effect, low, high)),
  ]
}

/** The picture as one sentence, for whoever cannot see it. */
export function inWords(canary: Pick<Canary, 'looks' | 'tolerance' | 'harm'>): string {
  const last = canary.looks.at(-1)
  if (!last) return 'No look yet.'
  const where =
    last.low > canary.harm
      ? 'surely beyond the line of harm'
      : last.low > canary.tolerance
        ? 'surely worse than tolerated'
        : last.high < canary.harm
          ? 'harm is excluded'
          : 'not decided yet'
  return `After ${canary.looks.length} looks the new version has ${ratio(last.effect)} the bad requests of the old, surely between ${ratio(last.low)} and ${ratio(last.high)}: ${where}.`
}

/** Where a ratio lies on a bar from 1/4 to 4, as 0..1 on a log scale. */
export const barPosition = (value: number) => (Math.log2(clamp(value, 0.25, 4)) + 2) / 4

/** Part of the meter each indicator fills: its share of the total weighted wealth, of the filled length. */
export function shares(indicators: Pick<Indicator, 'id' | 'label' | 'weight' | 'log10_wealth'>[]) {
  const wealth = indicators.map(i => i.weight * 10 ** Math.min(i.log10_wealth, 12))
  const total = wealth.reduce((sum, value) => sum + value, 0)
  return indicators
    .map((indicator, index) => ({
      id: indicator.id,
      label: indicator.label,
      share: total > 0 ? wealth[index]! / total : 0,
    }))
    .filter(part => part.share > 0.005)
    .sort((a, b) => b.share - a.share)
}
