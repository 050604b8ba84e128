import { Button, Group, HoverCard, Kbd, Text } from '@mantine/core'
import { useState } from 'react'
import type { Noun } from '~/lib/api/action'
import type { Action } from '~/lib/api/core'
import { useKeys } from '~/lib/keys'
import { ActionDialog } from './ActionDialog'
import { looks } from './actionLooks'
import { Blockers } from './Blockers'

/** Buttons for what the server says may be done; one that may not explains why to pointer and keyboard alike. */
export function ActionBar({
  actions,
  noun,
  id,
  name,
  size = 'sm',
  keys = false,
  only,
}: {
  actions: Action[]
  noun: Noun
  id: string
  name: string
  size?: 'compact-sm' | 'xs' | 'sm'
  keys?: boolean
  only?: string[]
}) {
  const [open, setOpen] = useState<Action | null>(null)
  const shown = only ? only.flatMap(wanted => actions.filter(a => a.name === wanted)) : actions
  const bindings: Record<string, () => void> = {}
  if (keys)
    for (const action of shown) {
      const key = looks(action.name).key
      if (key && action.allowed) bindings[key] = () => setOpen(action)
    }
  useKeys(bindings)
  if (shown.length === 0) return null
  return (
    <>
      <Group gap="xs" className="no-print action-bar">
        {shown.map(action => (
          <ActionButton key={action.name} action={action} size={size} showKey={keys} onClick={() => setOpen(action)} />
        ))}
      </Group>
      {open && <ActionDialog action={open} noun={noun} id={id} name={name} onClose={() => setOpen(null)} />}
    </>
  )
}

function ActionButton({
  action,
  size,
  showKey,
  onClick,
}: {
  action: Action
  size: 'compact-sm' | 'xs' | 'sm'
  showKey: boolean
  onClick: () => void
}) {
  const look = looks(action.name)
  const Icon = look.icon
  const button = (
    <Button
      size={size}
      color={look.color}
      variant={action.allowed ? look.variant : 'default'}
      leftSection={<Icon size={15} />}
      rightSection={showKey && look.key && action.allowed ? <Kbd size="xs">{look.key}</Kbd> : undefined}
      aria-disabled={!action.allowed}
      className={action.allowed ? undefined : 'button-refused'}
      onClick={action.allowed ? onClick : undefined}
      data-action={action.name}
    >
      {action.label}
    </Button>
  )
  if (action.allowed) return button
  return (
    <HoverCard width={380} shadow="md" openDelay={100} position="bottom-start" withinPortal>
      <HoverCard.Target>{button}</HoverCard.Target>
      <HoverCard.Dropdown>
        <Text size="xs" fw={600} c="dimmed" mb={6}>
          {action.label} is not possible now
        </Text>
        <Blockers blockers={action.reasons} compact />
      </HoverCard.Dropdown>
    </HoverCard>
  )
}
