/** The secret of a one-time link: in the part after `#`, which no server sees, or in the query. */
export function secretOf(hash: string, search: string): string | null {
  const fragment = hash.replace(/^#/, '')
  for (const text of [fragment, search]) {
    const params = new URLSearchParams(text)
    const named = params.get('secret') ?? params.get('token')
    if (named) return named
  }
  return fragment && !fragment.includes('=') ? fragment : null
}
