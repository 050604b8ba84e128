/** How each action looks and what it asks for. Whether it may be done is the server's to say, never decided here. */
import {
  IconArrowBackUp,
  IconBan,
  IconBiohazard,
  IconBolt,
  IconCalendarEvent,
  IconCheck,
  IconClipboardCheck,
  IconHammer,
  IconLockCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerSkipForward,
  IconPlayerStop,
  IconRefresh,
  IconRocket,
  IconScale,
  IconSnowflake,
  IconTrash,
  IconUserCheck,
  IconUsers,
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

/** Proves that it is you who signs; whoever signs in by a provider signs in anew instead. */
const password = (what: string): Field => ({
  name: 'password',
  label: 'Your password',
  hint: `You sign ${what} with it. If you sign in by your identity provider, leave it empty and have signed in within the last 5 minutes.`,
  required: false,
  kind: 'password',
})
const signature = ({ password, seen }: Values) => ({
  ...(password ? { password } : {}),
  ...(seen ? { seen } : {}),
})
const signed = (values: Values) => ({ reason: values.reason, signature: signature(values) })

const plain = { color: 'gray', variant: 'default' } as const
const main = { color: 'indigo', variant: 'filled' } as const

const table: Record<string, Look> = {
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
  'signed:approve': {
    icon: IconCheck,
    color: 'teal',
    variant: 'filled',
    key: 'y',
    fields: [
      reason(`What convinced you. ${kept}`),
      { name: 'conditions', label: 'Conditions (optional, one a line)', required: false, kind: 'lines' },
      { name: 'on_behalf_of', label: 'On behalf of (optional)', required: false, kind: 'person' },
      password('your approval'),
    ],
    body: values => ({
      reason: values.reason,
      conditions: lines(values.conditions),
      ...(values.on_behalf_of ? { on_behalf_of: values.on_behalf_of } : {}),
      signature: signature(values),
    }),
  },
  'template:approve': {
    icon: IconCheck,
    color: 'teal',
    variant: 'filled',
    fields: [reason(`What convinced you. ${kept}`), password('your approval')],
    body: signed,
  },
  vote: {
    icon: IconScale,
    ...main,
    fields: [
      {
        name: 'choice',
        label: 'Your vote',
        required: true,
        kind: 'choice',
        options: [
          { value: 'approve', label: 'For it' },
          { value: 'reject', label: 'Against it' },
          { value: 'abstain', label: 'Abstain' },
        ],
      },
      reason(),
      {
        name: 'conditions',
        label: 'Conditions (optional, one a line)',
        hint: 'Only with a vote for it. If the board approves, each becomes a gate.',
        required: false,
        kind: 'lines',
      },
      password('your vote'),
    ],
    body: values => ({
      choice: values.choice,
      reason: values.reason,
      conditions: lines(values.conditions),
      signature: signature(values),
    }),
  },
  conclude: { icon: IconClipboardCheck, color: 'teal', variant: 'light', fields: [] },
  meetings: {
    icon: IconCalendarEvent,
    ...main,
    fields: [{ name: 'at', label: 'When', required: true, kind: 'instant' }],
    body: values => ({ at: toInstant(values.at ?? '') }),
  },
  join: { icon: IconUserCheck, ...main, fields: [] },
  excuse: { icon: IconUserX, ...plain, fields: [reason()] },
  open: { icon: IconPlayerPlay, ...main, fields: [] },
  'call-off': { icon: IconX, ...plain, fields: [reason()] },
  'meeting:close': {
    icon: IconClipboardCheck,
    color: 'teal',
    variant: 'filled',
    fields: [
      {
        name: 'remarks',
        label: 'Remarks',
        hint: 'What the minutes say beside the votes.',
        required: true,
        kind: 'text',
      },
      password('the minutes'),
    ],
    body: values => ({ remarks: values.remarks, signature: signature(values) }),
  },
  ratify: {
    icon: IconCheck,
    color: 'teal',
    variant: 'filled',
    fields: [reason(`Why it was right. ${kept}`), password('what you say')],
    body: signed,
  },
  object: {
    icon: IconX,
    color: 'red',
    variant: 'light',
    fields: [reason(`What was not right. ${kept}`), password('what you say')],
    body: signed,
  },
  'break-glass': {
    icon: IconHammer,
    color: 'red',
    variant: 'light',
    fields: [
      {
        name: 'gates',
        label: 'Gates (one a line)',
        hint: 'Such as approvals, board, calendar, lead-time, documents, conditions, review, debt.',
        required: true,
        kind: 'lines',
      },
      {
        name: 'lasts',
        label: 'For how long',
        hint: '1m to 4h, once a second person confirms.',
        required: true,
        kind: 'line',
      },
      reason(),
      password('for it'),
    ],
    body: values => ({
      gates: lines(values.gates),
      lasts: values.lasts,
      reason: values.reason,
      signature: signature(values),
    }),
  },
  confirm: {
    icon: IconUsers,
    color: 'red',
    variant: 'filled',
    fields: [reason(`What you have seen yourself. ${kept}`), password('for it')],
    body: signed,
  },
  'glass:end': { icon: IconX, ...plain, fields: [reason()] },
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
  grant: { icon: IconCheck, color: 'teal', variant: 'filled', fields: [reason(`Why this once. ${kept}`)] },
  refuse: { icon: IconX, color: 'red', variant: 'light', fields: [reason()] },
  unsubscribe: { icon: IconX, ...plain, fields: [] },
  quarantine: { icon: IconBiohazard, color: 'red', variant: 'light', fields: [reason()] },
  lift: { icon: IconArrowBackUp, ...plain, fields: [] },
  'check-again': { icon: IconRefresh, ...main, fields: [reason()] },
  revoke: { icon: IconTrash, color: 'red', variant: 'light', fields: [] },
}

/**
 * An action nobody told this table of still works: the server says whether it needs a reason. `kind` tells actions of the same name
 * apart that ask for something else.
 */
export function looks(name: string, needsReason = false, kind?: string): Look {
  const look = (kind && table[`${kind}:${name}`]) ||
    table[name] || { icon: IconBolt, color: 'indigo', variant: 'default', fields: [] }
  return needsReason && look.fields.length === 0 ? { ...look, fields: [reason()] } : look
}
