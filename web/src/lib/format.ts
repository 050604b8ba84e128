/** Words for numbers and identifiers. */

/** `sha256:0123456789ab…`; what is short already stays whole. */
export function shortDigest(digest: string): string {
  const [algorithm, hex] = digest.includes(':') ? (digest.split(':', 2) as [string, string]) : ['', digest]
  const short = hex.length > 12 ? `${hex.slice(0, 12)}…` : hex
  return algorithm ? `${algorithm}:${short}` : short
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

const grouped = new Intl.NumberFormat('en-GB')
export const count = (value: number) => grouped.format(value)
export const plural = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`
export const ratio = (value: number) => `×${value >= 10 ? value.toFixed(0) : value.toFixed(2)}`

export function rate(part: number, whole: number): string {
  if (whole === 0) return 'no requests yet'
  const percent = (100 * part) / whole
  return `${percent < 1 ? percent.toFixed(2) : percent.toFixed(1)} %`
}

export function listed(names: string[]): string {
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** How sure a canary's evidence makes one, in words; `log` is log10 of the wealth. */
export function evidenceWords(log: number): string {
  if (log >= 2) return 'decisive: more than 100 times likelier worse than not'
  if (log >= 1.5) return 'strong: more than 30 times'
  if (log >= 1) return 'notable: more than 10 times'
  if (log >= 0.5) return 'a hint, not more'
  return 'none so far'
}
