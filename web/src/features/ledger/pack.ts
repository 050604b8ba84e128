/** Periods and files of evidence packs. */

/** From the beginning of one day to the end of another, in UTC; null while they make no period. */
export function periodOf(from: string, to: string): { from: string; to: string } | null {
  const start = Date.parse(`${from}T00:00:00Z`)
  const last = Date.parse(`${to}T00:00:00Z`)
  if (Number.isNaN(start) || Number.isNaN(last) || last < start) return null
  return { from: new Date(start).toISOString(), to: new Date(last + 24 * 60 * 60 * 1000).toISOString() }
}

/** Hands a file to the browser to be kept. */
export function save(file: Blob, name: string) {
  const url = URL.createObjectURL(file)
  const link = document.createElement('a')
  link.href = url
  link.download = name.replace(/[^A-Za-z0-9._-]/g, '-')
  link.click()
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
