import { Tooltip } from '@mantine/core'
import { IconBolt, IconBoltOff } from '@tabler/icons-react'
import { count } from '~/lib/format'
import { useLive } from '~/lib/live'

/** Says whether the page hears the server, and at which ledger position. */
export function LiveMark() {
  const { state, position } = useLive()
  const words = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost' }[state]
  const label =
    state === 'lost'
      ? 'The page shows the last it heard and reconnects by itself.'
      : position
        ? `Follows the ledger, position ${count(position)}`
        : 'Follows the ledger'
  const Icon = state === 'lost' ? IconBoltOff : IconBolt
  return (
    <Tooltip label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the tooltip must be reachable without a pointer */}
      <span className={`live live-${state}`} role="status" tabIndex={0}>
        <Icon size={14} aria-hidden />
        <span className="live-words">{words}</span>
      </span>
    </Tooltip>
  )
}
