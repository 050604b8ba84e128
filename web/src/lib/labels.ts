/** How severities and verdicts look: always a colour together with an icon and a word. */
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconHelpCircle,
  IconInfoCircle,
  IconProgress,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'
import type { Severity, Verdict } from './api/core'

type IconType = ComponentType<{ size?: number; stroke?: number; color?: string; 'aria-hidden'?: boolean }>

export const severityColor: Record<Severity, string> = {
  neutral: 'gray',
  info: 'indigo',
  good: 'teal',
  warning: 'orange',
  bad: 'red',
}
export const severityIcon: Record<Severity, IconType> = {
  neutral: IconCircleDashed,
  info: IconInfoCircle,
  good: IconCircleCheck,
  warning: IconAlertTriangle,
  bad: IconCircleX,
}
export const verdictColor: Record<Verdict | 'watching', string> = {
  pass: 'teal',
  fail: 'red',
  inconclusive: 'orange',
  watching: 'indigo',
}
export const verdictIcon: Record<Verdict | 'watching', IconType> = {
  pass: IconCircleCheck,
  fail: IconCircleX,
  inconclusive: IconHelpCircle,
  watching: IconProgress,
}
export const verdictLabel: Record<Verdict | 'watching', string> = {
  pass: 'Pass',
  fail: 'Fail',
  inconclusive: 'Inconclusive',
  watching: 'Watching',
}

const models: Record<string, string> = { big_bang: 'Big bang', phased: 'Phased' }
export const modelWords = (model: string) => models[model] ?? model
