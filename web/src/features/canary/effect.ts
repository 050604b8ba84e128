/** Pure arithmetic behind the canary picture. */
import type { Assessment, Look, ServiceCourse } from '~/lib/api/verification'
import { ratio } from '~/lib/format'

/** Ratios outside this are drawn at its edge; the numbers beside the picture stay exact. */
const floor = 1 / 16
const ceiling = 16
const clamp = (value: number, low = floor, high = ceiling) => Math.min(high, Math.max(low, value))
const known = (value: number | null | undefined): value is number => value != null && Number.isFinite(value)

export interface Lines {
  /** Error ratio that counts as no worse. */
  tolerance: number
  /** Error ratio that counts as harm: the laxer of the ratio and the difference, which depends on the old version's rate. */
  harm: number
}

export function linesOf(course: Pick<ServiceCourse, 'config' | 'latest'>): Lines {
  const { tolerance, harm_ratio, harm_difference } = course.config.errors
  const rate = course.latest?.effect.baseline_rate
  const byDifference = known(rate) && rate > 0 ? 1 + harm_difference / rate : 0
  return { tolerance, harm: clamp(Math.max(harm_ratio, byDifference)) }
}

/** The smallest range of whole powers of two that holds both lines and all estimates, limited to 1/16..16. */
export function effectRange(looks: Pick<Look, 'ratio' | 'low' | 'high'>[], lines: Lines): [number, number] {
  const recent = looks.slice(Math.floor(looks.length / 5))
  const values = recent.flatMap(look => [look.low, look.high, look.ratio]).filter(v => known(v) && v > 0) as number[]
  const low = Math.min(0.5, ...values.map(v => clamp(v)))
  const high = Math.max(lines.harm * 1.3, ...values.map(v => clamp(v)))
  return [2 ** Math.floor(Math.log2(low)), 2 ** Math.ceil(Math.log2(high))]
}

/** Columns of the chart: time in seconds, upper bound, lower bound, estimate. A bound nobody knows yet lies at the edge. */
export function chartData(looks: Look[], lines: Lines, started: string, interval_s: number): [number[], ...Column[]] {
  const [low, high] = effectRange(looks, lines)
  const begin = new Date(started).getTime() / 1000
  return [
    looks.map(look => begin + look.t * interval_s),
    looks.map(look => clamp(look.high ?? high, low, high)),
    looks.map(look => clamp(look.low ?? low, low, high)),
    looks.map(look => (known(look.ratio) ? clamp(look.ratio, low, high) : null)),
  ]
}
type Column = (number | null)[]

/** Where the truth lies, as far as it is known. */
export function between(low: number | null | undefined, high: number | null | undefined): string {
  if (known(low) && known(high)) return `between ${ratio(low)} and ${ratio(high)}`
  if (known(low)) return `above ${ratio(low)}`
  if (known(high)) return `below ${ratio(high)}`
  return 'not known yet'
}

/** The picture as one sentence, for whoever cannot see it. */
export function inWords(looks: Pick<Look, 'ratio' | 'low' | 'high'>[], lines: Lines): string {
  const last = looks.at(-1)
  if (!last) return 'No look yet.'
  const where =
    known(last.low) && last.low > lines.harm
      ? 'surely beyond the line of harm'
      : known(last.low) && last.low > lines.tolerance
        ? 'surely worse than tolerated'
        : known(last.high) && last.high < lines.harm
          ? 'harm is excluded'
          : 'not decided yet'
  const seen = known(last.ratio) ? `has ${ratio(last.ratio)} the errors of the old` : 'cannot be compared by errors'
  const after = `After ${looks.length} ${looks.length === 1 ? 'look' : 'looks'} the new version ${seen}`
  return `${after}; the truth lies ${between(last.low, last.high)}: ${where}.`
}

/** Where a ratio lies on a bar from 1/4 to 4, as 0..1 on a log scale. */
export const barPosition = (value: number) => (Math.log2(clamp(value, 0.25, 4)) + 2) / 4

export interface Share {
  id: string
  label: string
  share: number
}
/** Part of the meter each indicator fills, the largest first; what is too small to see is left out. */
export const shares = (evidence: Pick<Assessment['evidence'][number], 'indicator' | 'contribution'>[]): Share[] =>
  evidence
    .map(it => ({ id: it.indicator, label: labelOf(it.indicator), share: it.contribution }))
    .filter(part => part.share > 0.005)
    .sort((a, b) => b.share - a.share)

const words: Record<string, string> = {
  errors: 'Errors',
  endpoints: 'Errors by endpoint',
}
/** `latency_p50` reads `Latency, p50`; a gauge by its name. */
export function labelOf(indicator: string): string {
  const quantile = /^(latency|quantile)_p(\d+)$/.exec(indicator)
  if (quantile) {
    const digits = quantile[2]!
    const at = digits.length > 2 ? `${digits.slice(0, 2)}.${digits.slice(2)}` : digits
    return quantile[1] === 'latency'
      ? `Latency, slowest ${(100 - Number(at)).toFixed(digits.length > 2 ? 1 : 0)} %`
      : `Latency, p${at}`
  }
  return words[indicator] ?? indicator.replace(/^gauge[_:]/, '').replaceAll('_', ' ')
}

export type Standing = 'fail' | 'pass' | 'watching'
export interface Row {
  id: string
  label: string
  detail: string
  effect: number | null
  low: number | null
  high: number | null
  standing: Standing
}

/** One line for each indicator: its effect where one is kept, and how it stands. */
export function rowsOf(it: Assessment): Row[] {
  return it.evidence.map(evidence => {
    const name = evidence.indicator
    const pass = it.pass.find(candidate => candidate.indicator === name)
    const digits = /_p(\d+)$/.exec(name)?.[1]
    const quantile = digits ? it.quantiles.find(q => Math.abs(q.quantile - Number(`0.${digits}`)) < 1e-6) : undefined
    const bounds = name === 'errors' ? it.effect.bounds : quantile?.bounds
    const against = `evidence of harm ${(10 ** Math.min(evidence.log10, 6)).toFixed(evidence.log10 < 1 ? 2 : 0)}×`
    const forIt = pass ? ` · of harmlessness ${pass.best.toFixed(1)} of ${pass.threshold.toFixed(0)}` : ''
    return {
      id: name,
      label: labelOf(name),
      detail: against + forIt,
      effect: name === 'errors' ? it.effect.ratio : (quantile?.cumulative ?? null),
      low: bounds?.low ?? null,
      high: bounds?.high ?? null,
      standing: it.culprits.includes(name) ? 'fail' : pass?.reached ? 'pass' : 'watching',
    }
  })
}
