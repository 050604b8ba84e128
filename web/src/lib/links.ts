/** Where each kind of object lives in the page. */
export function hrefOf(kind: string, id: string): string {
  switch (kind) {
    case 'release':
    case 'change':
    case 'review':
      return `/releases/${id}`
    case 'deployment':
      return `/deployments/${id}`
    case 'environment':
      return `/environments/${id}`
    case 'service':
      return `/services/${id}`
    case 'entry':
      return `/ledger/${id}`
    case 'person':
      return '/administration/people'
    default:
      return `/ledger?q=${encodeURIComponent(id)}`
  }
}
