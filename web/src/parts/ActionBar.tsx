import { Button, Group, HoverCard, Kbd, Modal, Stack, Text } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import { useState } from 'react'
import type { Action } from '~/lib/api/core'
import { plural } from '~/lib/format'
import { useKeys } from '~/lib/keys'
import { ActionDialog } from './ActionDialog'
import { looks } from './actionLooks'
import { Blockers } from './Blockers'

/**
 * Buttons for what the server says may be done; one that may not explains why to pointer and keyboard alike.
 * With `fold` those that may not are behind one button.
 */
export function ActionBar({
  actions,
  at,
  name,
  size = 'sm',
  keys = false,
  fold = false,
  only,
  kind,
  seen,
}: {
  actions: Action[]
  /** Address of the object the actions are below. */
  at: string
  name: string
  size?: 'compact-sm' | 'xs' | 'sm'
  keys?: boolean
  fold?: boolean
  only?: string[]
  /** Tells actions of the same name apart that ask for something else. */
  kind?: string
  /** Digest of what is signed, as it is on the page. */
  seen?: string
}) {
  const [open, setOpen] = useState<Action | null>(null)
  const [why, setWhy] = useState<Action[] | null>(null)
  const all = only ? only.flatMap(wanted => actions.filter(a => a.name === wanted)) : actions
  const refused = all.filter(action => !action.allowed)
  const shown = fold ? all.filter(action => action.allowed) : all
  const bindings: Record<string, () => void> = {}
  if (keys)
    for (const action of all) {
      const key = looks(action.name, false, kind).key
      if (key) bindings[key] = () => (action.allowed ? setOpen(action) : setWhy([action]))
    }
  useKeys(bindings)
  if (all.length === 0) return null
  return (
    <>
      <Group gap="xs" className="no-print action-bar">
        {shown.map(action => (
          <ActionButton
            key={action.name}
            action={action}
            kind={kind}
            size={size}
            showKey={keys}
            onClick={() => (action.allowed ? setOpen(action) : setWhy([action]))}
          />
        ))}
        {fold && refused.length > 0 && (
          <Button
            size={size}
            variant="subtle"
            color="gray"
            leftSection={<IconLock size={15} />}
            onClick={() => setWhy(refused)}
            data-action="refused"
          >
            {plural(refused.length, 'action')} not possible now
          </Button>
        )}
      </Group>
      {open && <ActionDialog action={open} at={at} name={name} kind={kind} seen={seen} onClose={() => setOpen(null)} />}
      {why && <WhyNot actions={why} onClose={() => setWhy(null)} />}
    </>
  )
}

function WhyNot({ actions, onClose }: { actions: Action[]; onClose: () => void }) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={actions.length === 1 ? `${actions[0]!.label} is not possible now` : 'Not possible now'}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="lg" data-testid="why-not">
        {actions.map(action => (
          <section key={action.name} aria-label={action.label}>
            {actions.length > 1 && (
              <Text fw={600} size="sm" mb={6}>
                {action.label}
              </Text>
            )}
            <Blockers blockers={action.reasons} />
          </section>
        ))}
      </Stack>
    </Modal>
  )
}

function ActionButton({
  action,
  kind,
  size,
  showKey,
  onClick,
}: {
  action: Action
  kind?: string
  size: 'compact-sm' | 'xs' | 'sm'
  showKey: boolean
  onClick: () => void
}) {
  const look = looks(action.name, false, kind)
  const Icon = action.allowed ? look.icon : IconLock
  const button = (
    <Button
      size={size}
      color={look.color}
      variant={action.allowed ? look.variant : 'default'}
      leftSection={<Icon size={15} />}
      rightSection={showKey && look.key && action.allowed ? <Kbd size="xs">{look.key}</Kbd> : undefined}
      className={action.allowed ? undefined : 'button-refused'}
      aria-label={action.allowed ? undefined : `${action.label}: not possible now, show why`}
      onClick={onClick}
      data-action={action.name}
      data-allowed={action.allowed}
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
