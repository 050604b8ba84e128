import { Tooltip } from '@mantine/core'
import { useNow } from '~/lib/now'
import { ago, exact } from '~/lib/time'

/** A relative time; the exact one, with its zone, on hover and to assistive technology. */
export function Time({ at, prefix }: { at: string; prefix?: string }) {
  const now = useNow()
  return (
    <Tooltip label={exact(at)} openDelay={200}>
      <time dateTime={at} className="time">
        {prefix ? `${prefix} ` : ''}
        {ago(at, now)}
      </time>
    </Tooltip>
  )
}
