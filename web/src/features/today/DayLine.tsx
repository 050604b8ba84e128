import { Tooltip } from '@mantine/core'
import { Link } from 'react-router'
import type { Today } from '~/lib/api/today'
import { severityColor } from '~/lib/labels'
import { hrefOf } from '~/lib/links'
import { useNow } from '~/lib/now'
import { clock, position, spanned } from '~/lib/time'

const hours = [0, 6, 12, 18, 24]

/** The day as a line: windows of releases as bars, freezes hatched behind them, the present as a rule. */
export function DayLine({ today }: { today: Today }) {
  const now = useNow(30_000)
  const { start, end } = today.day
  const place = (from: string, to: string) => {
    const left = position(from, start, end)
    return { left: `${left * 100}%`, width: `${Math.max(0.8, (position(to, start, end) - left) * 100)}%` }
  }
  return (
    <div className="dayline">
      <div className="dayline-track" style={{ height: `${Math.max(2, today.ships_today.length) * 26 + 26}px` }}>
        {hours.slice(1, -1).map(hour => (
          <div key={hour} className="dayline-rule" style={{ left: `${(hour / 24) * 100}%` }} />
        ))}
        {today.freezes.map(freeze => (
          <Tooltip key={freeze.id} label={`Freeze: ${freeze.title} (${freeze.source})`}>
            <div className="dayline-freeze hatch" style={place(freeze.start, freeze.end ?? end)} />
          </Tooltip>
        ))}
        {today.freezes.map(freeze => (
          <span key={freeze.id} className="dayline-note" style={{ left: place(freeze.start, freeze.end ?? end).left }}>
            {freeze.title}
          </span>
        ))}
        {today.ships_today.map((ship, row) => (
          <Tooltip
            key={ship.release.id}
            label={`${ship.release.name}: ${spanned(ship.window.start, ship.window.end)}, ${ship.status.label}`}
          >
            <Link
              to={hrefOf('release', ship.release.id)}
              className={`dayline-bar ${position(ship.window.start, start, end) > 0.55 ? 'dayline-early' : ''}`}
              style={{
                ...place(ship.window.start, ship.window.end),
                top: `${row * 26 + 8}px`,
                background: `var(--mantine-color-${severityColor[ship.status.severity]}-light)`,
                borderColor: `var(--mantine-color-${severityColor[ship.status.severity]}-outline)`,
              }}
            >
              <span className="dayline-label">{ship.release.name}</span>
            </Link>
          </Tooltip>
        ))}
        <div
          className="dayline-now"
          style={{ left: `${position(now, start, end) * 100}%` }}
          title={`Now ${clock(new Date(now))}`}
        />
      </div>
      <div className="dayline-hours">
        {hours.map(hour => (
          <span key={hour}>{String(hour).padStart(2, '0')}</span>
        ))}
      </div>
    </div>
  )
}
