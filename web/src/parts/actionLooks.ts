/** How each action looks and what it asks for. Whether it may be done is the server's to say, never decided here. */
import {
  IconArrowBackUp,
  IconBan,
  IconBiohazard,
  IconBolt,
  IconCalendarEvent,
  IconCheck,
  IconClipboardCheck,
  IconDoorEnter,
  IconLockCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerSkipForward,
  IconPlayerStop,
  IconRefresh,
  IconRocket,
  IconScale,
  IconSignature,
  IconSnowflake,
  IconTrash,
  IconUserX,
  IconX,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'
import { toInstant } from '~/lib/instants'

export type FieldKind = 'line' | 'text' | 'lines' | 'instant' | 'person' | 'choice' | 'password'
export interface Field {
  name: string
  label: string
  hint?: string
  required: boolean
  kind: FieldKind
  /** Of a choice. */
  options?: { value: string; label: string }[]
}
export type Values = Record<string, string>
export interface Look {
  icon: ComponentType<{ size?: number; stroke?: number }>
  color: string
  variant: 'filled' | 'light' | 'default'
  key?: string
  fields: Field[]
  /** The request, from what was typed; without it the fields as they are. */
  body?: (values: Values) => Record<string, unknown>
}

const kept = 'Auditors read it.'
const reason = (hint = kept): Field => ({ name: 'reason', label: 'Reason', hint, required: true, kind: 'text' })
const lines = (text = '') =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')

const plain = { color: 'gray', variant: 'default' } as const
const main = { color: 'indigo', variant: 'filled' } as const

const table: Record<string, Look> = {
  except: {
    icon: IconDoorEnter,
    ...main,
    fields: [
      { name: 'criterion', label: 'Criterion', required: true, kind: 'line' },
      { name: 'commits', label: 'Commits', hint: 'Full object ids, one a line.', required: true, kind: 'lines' },
      reason(),
    ],
    body: values => ({ criterion: values.criterion, commits: lines(values.commits), reason: values.reason }),
  },
  sign: {
    icon: IconSignature,
    ...main,
    fields: [
      {
        name: 'meaning',
        label: 'What your signature means',
        required: true,
        kind: 'choice',
        options: [
          { value: 'approved', label: 'I approve it' },
          { value: 'reviewed', label: 'I have reviewed it' },
          { value: 'responsible', label: 'I answer for it' },
          { value: 'authored', label: 'I wrote it' },
        ],
      },
      {
        name: 'password',
        label: 'Your password',
        hint: 'Shows again who you are. If you sign in at an identity provider, sign in anew there and leave it empty.',
        required: false,
        kind: 'password',
      },
      { name: 'reason', label: 'Remark', hint: kept, required: false, kind: 'text' },
    ],
  },
  plan: {
    icon: IconCalendarEvent,
    ...main,
    fields: [{ name: 'start', label: 'Window starts', required: true, kind: 'instant' }],
    body: values => ({ start: toInstant(values.start ?? '') }),
  },
  freeze: { icon: IconSnowflake, ...main, fields: [] },
  authorise: { icon: IconLockCheck, ...main, fields: [] },
  deploy: { icon: IconRocket, ...main, key: 'd', fields: [] },
  'roll-back': { icon: IconArrowBackUp, color: 'red', variant: 'filled', key: 'b', fields: [reason()] },
  'revoke-permit': { icon: IconBan, color: 'red', variant: 'light', fields: [reason()] },
  close: { icon: IconClipboardCheck, color: 'teal', variant: 'filled', fields: [reason('Why it stands.')] },
  cancel: { icon: IconX, ...plain, fields: [reason()] },
  erase: {
    icon: IconUserX,
    color: 'red',
    variant: 'default',
    fields: [
      {
        name: 'basis',
        label: 'Ground',
        required: true,
        kind: 'choice',
        options: [
          { value: 'request', label: 'The person asked for it' },
          { value: 'retention', label: 'Kept long enough' },
          { value: 'unlawful', label: 'Should never have been kept' },
          { value: 'other', label: 'Another, as the reason says' },
        ],
      },
      reason(`It must name nobody. ${kept}`),
    ],
  },
  approve: {
    icon: IconCheck,
    color: 'teal',
    variant: 'filled',
    key: 'y',
    fields: [
      reason(`What convinced you. ${kept}`),
      {
        name: 'conditions',
        label: 'Conditions (optional, one a line)',
        hint: 'Each becomes a gate that somebody must meet before the release may ship.',
        required: false,
        kind: 'lines',
      },
      {
        name: 'on_behalf_of',
        label: 'On behalf of (optional)',
        hint: 'Whoever delegated the decision to you.',
        required: false,
        kind: 'person',
      },
    ],
    body: values => ({
      reason: values.reason,
      conditions: lines(values.conditions),
      ...(values.on_behalf_of ? { on_behalf_of: values.on_behalf_of } : {}),
    }),
  },
  reject: { icon: IconX, color: 'red', variant: 'light', fields: [reason(`What must change. ${kept}`)] },
  withdraw: { icon: IconArrowBackUp, ...plain, fields: [reason('Why your decision no longer holds.')] },
  meet: {
    icon: IconClipboardCheck,
    color: 'indigo',
    variant: 'light',
    fields: [
      { name: 'evidence', label: 'How it was met', hint: 'And how one can see that.', required: true, kind: 'text' },
    ],
  },
  pause: { icon: IconPlayerPause, color: 'orange', variant: 'light', key: 'p', fields: [reason()] },
  resume: { icon: IconPlayerPlay, ...main, key: 'u', fields: [] },
  retry: { icon: IconRefresh, ...main, fields: [reason()] },
  skip: {
    icon: IconPlayerSkipForward,
    color: 'orange',
    variant: 'light',
    fields: [
      {
        name: 'unit',
        label: 'Unit',
        hint: 'The number beside the target that failed.',
        required: true,
        kind: 'line',
      },
      reason(),
    ],
    body: values => ({ unit: Number(values.unit), reason: values.reason }),
  },
  abort: { icon: IconPlayerStop, color: 'red', variant: 'light', fields: [reason()] },
  resolve: {
    icon: IconScale,
    ...main,
    fields: [
      {
        name: 'resolution',
        label: 'What now',
        required: true,
        kind: 'choice',
        options: [
          { value: 'proceed', label: 'Proceed: the next wave begins' },
          { value: 'rollback', label: 'Roll back' },
          { value: 'measure_again', label: 'Measure again' },
        ],
      },
      reason(),
    ],
  },
  complete: {
    icon: IconClipboardCheck,
    ...main,
    fields: [
      { name: 'root_cause', label: 'Root cause', hint: 'The system’s, not a person’s.', required: true, kind: 'text' },
      {
        name: 'factors',
        label: 'Contributing factors (optional, one a line)',
        required: false,
        kind: 'lines',
      },
      { name: 'text', label: 'What changes because of it', required: true, kind: 'text' },
      { name: 'owner', label: 'Who does it', required: true, kind: 'person' },
      { name: 'due', label: 'By when', required: true, kind: 'instant' },
    ],
    body: values => ({
      root_cause: values.root_cause,
      factors: lines(values.factors),
      actions: [{ text: values.text, owner: values.owner, due: toInstant(values.due ?? '') }],
    }),
  },
  claim: {
    icon: IconCalendarEvent,
    color: 'indigo',
    variant: 'light',
    fields: [
      { name: 'until', label: 'Until', required: true, kind: 'instant' },
      { name: 'purpose', label: 'What for', required: true, kind: 'line' },
    ],
    body: values => ({ until: toInstant(values.until ?? ''), purpose: values.purpose }),
  },
  end: { icon: IconX, ...plain, fields: [] },
  quarantine: { icon: IconBiohazard, color: 'red', variant: 'light', fields: [reason()] },
  lift: { icon: IconArrowBackUp, ...plain, fields: [] },
  'check-again': { icon: IconRefresh, ...main, fields: [reason()] },
  revoke: { icon: IconTrash, color: 'red', variant: 'light', fields: [] },
}

/** An action nobody told this table of still works: the server says whether it needs a reason. */
export function looks(name: string, needsReason = false): Look {
  const look = table[name] ?? { icon: IconBolt, color: 'indigo', variant: 'default', fields: [] }
  return needsReason && look.fields.length === 0 ? { ...look, fields: [reason()] } : look
}
