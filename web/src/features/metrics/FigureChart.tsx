import type { Figure } from '~/lib/api/learning'
import { position } from '~/lib/time'

/** Every observation behind a figure as a dot in time; its height is its value. Nothing is drawn between them. */
export function FigureChart({ figure, from, to }: { figure: Figure; from: string; to: string }) {
  const width = 280
  const height = 64
  const values = figure.observations.map(it => it.value)
  const top = Math.max(...values, figure.high ?? 0, Number.MIN_VALUE) * 1.1
  const y = (value: number) => height - 5 - (value / top) * (height - 12)
  const band = figure.unit === 'seconds' && figure.low != null && figure.high != null
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      width="100%"
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${figure.label}: the observations in time`}
      className="figure-chart"
    >
      {band && (
        <rect
          x="0"
          width={width}
          y={y(figure.high!)}
          height={Math.max(1, y(figure.low!) - y(figure.high!))}
          className="spark-area"
        />
      )}
      <line x1="0" x2={width} y1={height - 5} y2={height - 5} className="figure-base" />
      {figure.observations.map(it => {
        const x = 4 + position(it.at, from, to) * (width - 8)
        return (
          <line
            key={`${it.position} ${it.value}`}
            x1={x}
            x2={x}
            y1={height - 5}
            y2={y(it.value)}
            className="figure-dot"
            vectorEffect="non-scaling-stroke"
          />
        )
      })}
    </svg>
  )
}
