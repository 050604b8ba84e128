import {
  IconBox,
  IconCalendar,
  IconChartHistogram,
  IconNotebook,
  IconRocket,
  IconScale,
  IconServer2,
  IconSettings,
  IconSunHigh,
} from '@tabler/icons-react'

/** Every page a person can go to, with its key after `g`. */
export const places = [
  { to: '/', label: 'Today', key: 't', icon: IconSunHigh, words: 'home needs me ships trouble' },
  { to: '/calendar', label: 'Calendar', key: 'c', icon: IconCalendar, words: 'freeze window maintenance' },
  { to: '/releases', label: 'Releases', key: 'r', icon: IconRocket, words: 'plan deploy approve' },
  {
    to: '/changes',
    label: 'Changes',
    key: 'h',
    icon: IconScale,
    words: 'board meeting vote template emergency glass flow',
  },
  { to: '/environments', label: 'Environments', key: 'e', icon: IconServer2, words: 'targets claims versions' },
  { to: '/services', label: 'Services', key: 's', icon: IconBox, words: 'graph dependencies catalog' },
  { to: '/dora', label: 'Metrics', key: 'm', icon: IconChartHistogram, words: 'dora lead time failure rate' },
  { to: '/ledger', label: 'Ledger', key: 'l', icon: IconNotebook, words: 'audit proof entries' },
  {
    to: '/administration',
    label: 'Administration',
    key: 'a',
    icon: IconSettings,
    words: 'people tokens policies runners',
  },
] as const
