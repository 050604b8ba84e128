/** Where to go after sign-in: only addresses of this site are followed. */
export const safeReturn = (to: string | null) =>
  to?.startsWith('/') && !to.startsWith('//') && !to.includes('\\') ? to : '/'
