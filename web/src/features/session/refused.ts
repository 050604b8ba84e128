/** Why a sign-in at an identity provider came back without one, in words; the address carries only the code. */
const reasons: Record<string, [title: string, clears: string]> = {
  'account-exists': [
    'You have an account here that is not tied to that sign-in',
    'Sign in with its password, then link the provider in your menu.',
  ],
  'no-account': ['Nobody has tied an account to that sign-in', 'Ask an administrator for an account.'],
  'account-closed': ['Your account is closed', 'Ask an administrator.'],
  'subject-taken': ['That sign-in belongs to another account', 'Sign in to that account, or ask an administrator.'],
  'sign-in-not-begun': ['That sign-in was not begun here, or took too long', 'Begin again.'],
  'provider-refused': ['The identity provider refused', 'Begin again, or ask whoever runs it.'],
  unavailable: ['The identity provider cannot be reached', 'Try again in a while.'],
}

export interface Refused {
  code: string
  title: string
  clears: string
}

/** What to tell about a code; nothing that is not a code is shown. */
export function reason(code: string | null): Refused | null {
  if (!code || !/^[a-z][a-z0-9-]{0,63}$/.test(code)) return null
  const [title, clears] = reasons[code] ?? [
    'The sign-in was not taken',
    'Begin again. If it happens again, tell an administrator the code.',
  ]
  return { code, title, clears }
}
