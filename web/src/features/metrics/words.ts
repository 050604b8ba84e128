/** Values of figures in words, by their unit. */
import { lasting } from '~/lib/time'

export function inUnit(value: number, unit: string): string {
  switch (unit) {
    case 'per_day':
      return value >= 0.95 ? `${Number(value.toPrecision(2))} a day` : `${Number((value * 7).toPrecision(2))} a week`
    case 'seconds':
      return lasting(value * 1000)
    case 'ratio':
      return `${Number((100 * value).toPrecision(2))} %`
    default:
      return `${Number(value.toPrecision(3))} ${unit}`
  }
}

export function interval(low: number | null | undefined, high: number | null | undefined, unit: string): string {
  if (low == null && high == null) return 'no interval yet'
  if (low == null) return `below ${inUnit(high!, unit)}`
  if (high == null) return `above ${inUnit(low, unit)}`
  return `between ${inUnit(low, unit)} and ${inUnit(high, unit)}`
}
