import { Group, Text } from '@mantine/core'

const kinds = [
  ['freeze', 'Freeze: nothing ships'],
  ['holiday', 'Holiday: nothing ships'],
  ['fiscal_close', 'Fiscal close: nothing ships'],
  ['contract_renewal', 'Contract renewal: what the customer uses rests'],
  ['lockdown', 'Lockdown: unplanned, nothing ships'],
  ['maintenance', 'Maintenance window: shipping is welcome'],
  ['release', 'Release'],
] as const

export function Legend() {
  return (
    <Group gap="lg" className="legend">
      {kinds.map(([kind, words]) => (
        <Group key={kind} gap={6} wrap="nowrap">
          <span className={`swatch swatch-${kind}`} aria-hidden />
          <Text size="xs" c="dimmed">
            {words}
          </Text>
        </Group>
      ))}
    </Group>
  )
}
