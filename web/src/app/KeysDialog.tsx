import { Group, Kbd, Modal, SimpleGrid, Stack, Text } from '@mantine/core'
import { places } from './nav'

const everywhere: [string[], string][] = [
  [['Ctrl', 'K'], 'Find anything, run anything allowed'],
  [['/'], 'The same'],
  [['n'], 'Plan a release'],
  [['?'], 'This list'],
  [['Esc'], 'Close what is open'],
]
const release: [string[], string][] = [
  [['y'], 'Approve'],
  [['d'], 'Deploy'],
  [['p'], 'Pause the deployment'],
  [['u'], 'Resume it'],
  [['b'], 'Roll back'],
  [['1'], 'to 9: jump to a section of the release'],
]

export function KeysDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keys" size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xl">
        <Column title="Everywhere" rows={everywhere} />
        <Column title="Go to" rows={places.map(p => [['g', p.key], p.label])} />
        <Column title="On a release" rows={release} />
      </SimpleGrid>
      <Text size="xs" c="dimmed" mt="lg">
        Every action that keys start asks once more and states its effect.
      </Text>
    </Modal>
  )
}

function Column({ title, rows }: { title: string; rows: [string[], string][] }) {
  return (
    <Stack gap={6}>
      <Text size="xs" c="dimmed" fw={600}>
        {title}
      </Text>
      {rows.map(([keys, words]) => (
        <Group key={words} gap={6} wrap="nowrap">
          <Group gap={3} wrap="nowrap" miw={64}>
            {keys.map(key => (
              <Kbd key={key} size="xs">
                {key}
              </Kbd>
            ))}
          </Group>
          <Text size="sm">{words}</Text>
        </Group>
      ))}
    </Stack>
  )
}
