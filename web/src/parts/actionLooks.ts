/** How each action looks and what it asks for. Whether it may be done is the server's to say, never decided here. */
import {
  IconArrowBackUp,
  IconBolt,
  IconCalendarEvent,
  IconCheck,
  IconClipboardCheck,
  IconClipboardPlus,
  IconLockCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconRocket,
  IconSnowflake,
  IconX,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'

export interface Field {
  name: string
  label: string
  hint?: string
  required: boolean
  long: boolean
}
export interface Look {
  icon: ComponentType<{ size?: number; stroke?: number }>
  color: string
  variant: 'filled' | 'light' | 'default'
  key?: string
  fields: Field[]
}

const reason = (required: boolean, hint: string): Field => ({
  name: 'reason',
  label: 'Reason',
  hint,
  required,
  long: true,
})
const kept = 'Kept in the ledger and read by auditors.'

const table: Record<string, Look> = {
  freeze: { icon: IconSnowflake, color: 'indigo', variant: 'filled', fields: [] },
  submit: { icon: IconClipboardCheck, color: 'indigo', variant: 'filled', fields: [] },
  authorise: { icon: IconLockCheck, color: 'indigo', variant: 'filled', fields: [] },
  deploy: { icon: IconRocket, color: 'indigo', variant: 'filled', key: 'd', fields: [] },
  approve: {
    icon: IconCheck,
    color: 'teal',
    variant: 'filled',
    key: 'y',
    fields: [
      reason(true, `What convinced you. ${kept}`),
      {
        name: 'condition',
        label: 'Condition (optional)',
        hint: 'Becomes a gate of its own that somebody must meet before the release may ship.',
        required: false,
        long: false,
      },
    ],
  },
  reject: { icon: IconX, color: 'red', variant: 'light', fields: [reason(true, `What must change. ${kept}`)] },
  meet_condition: {
    icon: IconClipboardCheck,
    color: 'indigo',
    variant: 'light',
    fields: [{ name: 'evidence', label: 'How it was met', required: true, long: true }],
  },
  pause: { icon: IconPlayerPause, color: 'orange', variant: 'light', key: 'p', fields: [reason(false, kept)] },
  resume: { icon: IconPlayerPlay, color: 'indigo', variant: 'filled', key: 'u', fields: [reason(false, kept)] },
  abort: { icon: IconPlayerStop, color: 'red', variant: 'light', fields: [reason(true, kept)] },
  rollback: { icon: IconArrowBackUp, color: 'red', variant: 'filled', key: 'b', fields: [reason(true, kept)] },
  complete: {
    icon: IconClipboardCheck,
    color: 'indigo',
    variant: 'filled',
    fields: [
      { name: 'summary', label: 'What happened', required: true, long: true },
      { name: 'cause', label: 'Cause', hint: 'The system’s cause, not a person’s fault.', required: true, long: true },
      { name: 'follow_up', label: 'What changes because of it', required: true, long: true },
    ],
  },
  book: { icon: IconCalendarEvent, color: 'indigo', variant: 'light', fields: [reason(true, kept)] },
  replan: { icon: IconCalendarEvent, color: 'gray', variant: 'default', fields: [reason(false, kept)] },
  attach_evidence: { icon: IconClipboardPlus, color: 'gray', variant: 'default', fields: [] },
  cancel: { icon: IconX, color: 'gray', variant: 'default', fields: [reason(true, kept)] },
  close: { icon: IconClipboardCheck, color: 'teal', variant: 'filled', fields: [] },
}

export const looks = (name: string): Look =>
  table[name] ?? { icon: IconBolt, color: 'indigo', variant: 'default', fields: [] }
