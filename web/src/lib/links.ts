/**
 * Where each kind of object lives in the page. `name` is what people call it; a change, a review, a rollback and an analysis bear the name of their release.
 */
export function hrefOf(kind: string, id: string, name = ''): string {
  const at = encodeURIComponent(id)
  switch (kind) {
    case 'change':
    case 'review':
    case 'rollback':
      if (name) return `/releases/${encodeURIComponent(name)}`
      break
    case 'release':
      return `/releases/${at}`
    case 'deployment':
      return `/deployments/${at}`
    case 'environment':
      return `/environments/${at}`
    case 'service':
      return `/services/${at}`
    case 'entry':
      return `/ledger/${at}`
    case 'account':
      return '/administration/people'
    case 'calendar':
      return '/calendar'
    case 'artifact':
      return '/administration/artifacts'
    case 'runner':
    case 'system':
      return `/ledger?actor=${encodeURIComponent(kind === 'system' ? kind : `runner:${id}`)}`
  }
  return `/ledger?subject=${encodeURIComponent(`${kind}:${id}`)}`
}

/** Plural noun an object of that kind has in addresses of the API. */
export const nounOf = (kind: string) =>
  kind === 'analysis' ? 'analyses' : kind === 'artifact' ? 'artifacts' : `${kind}s`
