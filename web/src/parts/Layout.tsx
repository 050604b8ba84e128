import { Card, Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ComponentType, ReactNode } from 'react'

export function PageHeader({
  title,
  lead,
  above,
  actions,
}: {
  title: string
  lead?: ReactNode
  above?: ReactNode
  actions?: ReactNode
}) {
  useDocumentTitle(`${title} · Interlock`)
  return (
    <Group justify="space-between" align="flex-start" mb="lg" gap="md" className="page-header">
      <Stack gap={2} className="page-header-words">
        {above}
        <Title order={1} size="h2">
          {title}
        </Title>
        {lead && (
          <Text c="dimmed" size="sm" component="div">
            {lead}
          </Text>
        )}
      </Stack>
      {actions && (
        <Group gap="xs" className="no-print">
          {actions}
        </Group>
      )}
    </Group>
  )
}

/** One part of a long page; its id is an address. */
export function Section({
  id,
  title,
  icon: Icon,
  aside,
  children,
  flush = false,
}: {
  id?: string
  title: string
  icon?: ComponentType<{ size?: number; stroke?: number }>
  aside?: ReactNode
  children: ReactNode
  flush?: boolean
}) {
  return (
    <Card id={id} padding={0} component="section" aria-label={title} className="section">
      <Group justify="space-between" px="md" py="sm" className="section-head" wrap="wrap" gap="xs">
        <Group gap={8} wrap="nowrap">
          {Icon && <Icon size={17} stroke={1.8} />}
          <Title order={2} size="h5">
            {title}
          </Title>
        </Group>
        {aside && (
          <Group gap="xs" className="section-aside">
            {aside}
          </Group>
        )}
      </Group>
      <div className={flush ? '' : 'section-body'}>{children}</div>
    </Card>
  )
}

/** A label over a value, in a row of its like. */
export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <Text size="xs" c="dimmed" fw={500}>
        {label}
      </Text>
      <Text size="sm" component="div">
        {children}
      </Text>
    </div>
  )
}
