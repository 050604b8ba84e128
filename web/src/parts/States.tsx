import { Alert, Button, Card, Code, CopyButton, Group, Skeleton, Stack, Text, ThemeIcon } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconCopy, IconInbox, IconRefresh } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ComponentType, ReactNode } from 'react'
import { Problem } from '~/lib/api/client'
import { Blockers } from './Blockers'
import { Slots } from './Slots'

export function Loading({ rows = 5 }: { rows?: number }) {
  return (
    <Stack gap="sm" role="status" aria-busy="true" aria-label="Loading">
      <Skeleton height={28} width="40%" radius="sm" />
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={52} radius="md" />
      ))}
    </Stack>
  )
}

/** A refusal or failure in full; what can be done next is always part of it. */
export function ProblemView({
  error,
  retry,
  onSlot,
}: {
  error: unknown
  retry?: () => void
  /** Takes the beginning of a time the server offers instead. */
  onSlot?: (start: string) => void
}) {
  const problem = error instanceof Problem ? error : null
  const refused = (problem?.blockers.length ?? 0) > 0
  return (
    <Alert
      color={refused ? 'orange' : 'red'}
      variant="light"
      icon={<IconAlertTriangle size={18} />}
      title={problem?.body.title ?? 'The page made a mistake'}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{problem?.body.detail ?? String(error)}</Text>
        <Blockers blockers={problem?.blockers ?? []} />
        {problem && problem.body.faults.length > 0 && (
          <ul className="reasons">
            {problem.body.faults.map(fault => (
              <li key={`${fault.field} ${fault.line} ${fault.message}`}>
                {fault.field && <code>{fault.field}</code>} {fault.message}
              </li>
            ))}
          </ul>
        )}
        {onSlot && <Slots title="Would do instead" slots={problem?.body.slots ?? []} onChoose={onSlot} />}
        <Group gap="xs">
          {problem && <code className="code-chip">{problem.code}</code>}
          {problem?.body.request_id && (
            <Text size="xs" c="dimmed">
              request {problem.body.request_id}
            </Text>
          )}
          {retry && (
            <Button size="compact-sm" variant="default" leftSection={<IconRefresh size={14} />} onClick={retry}>
              Try again
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  )
}

/** Nothing here yet: says what would be here, and one command that makes it so. */
export function Empty({
  title,
  children,
  command,
  icon: Icon = IconInbox,
  small = false,
}: {
  title: string
  children?: ReactNode
  command?: string
  icon?: ComponentType<{ size?: number; stroke?: number }>
  small?: boolean
}) {
  return (
    <Stack align="center" gap={6} py={small ? 'lg' : 48} px="md" className="empty">
      <ThemeIcon variant="light" color="gray" size={small ? 36 : 48} radius="xl">
        <Icon size={small ? 18 : 24} stroke={1.6} />
      </ThemeIcon>
      <Text fw={600} size={small ? 'sm' : 'md'}>
        {title}
      </Text>
      {children && (
        <Text size="sm" c="dimmed" maw={440} ta="center" component="div">
          {children}
        </Text>
      )}
      {command && <Command text={command} />}
    </Stack>
  )
}

export function Command({ text }: { text: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Group gap={6} wrap="nowrap" mt={6}>
          <Code className="command">{text}</Code>
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={copy}
            leftSection={copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
          >
            {copied ? 'Copied' : 'Copy'}
          </Button>
        </Group>
      )}
    </CopyButton>
  )
}

/** Loading, failed, or the data: pages say only what they show. */
export function Loaded<T>({
  result,
  rows,
  children,
}: {
  result: UseQueryResult<T>
  rows?: number
  children: (data: T) => ReactNode
}) {
  if (result.data !== undefined) return <>{children(result.data)}</>
  if (result.isError) return <ProblemView error={result.error} retry={() => void result.refetch()} />
  return (
    <Card>
      <Loading rows={rows} />
    </Card>
  )
}
