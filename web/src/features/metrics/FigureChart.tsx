import type { Figure } from '~/lib/api/metrics'

/** A figure over time with its interval as a band. Gaps stay gaps: no data is not zero. */
export function FigureChart({ figure }: { figure: Figure }) {
  const width = 280
  const height = 72
  const points = figure.points
  const highs = points.map(p => p.high ?? p.value).filter((v): v is number => v !== null)
  if (points.length < 2 || highs.length === 0) return <div style={{ height }} />
  const top = Math.max(...highs) * 1.08 || 1
  const x = (i: number) => (i / (points.length - 1)) * width
  const y = (v: number) => height - 4 - (v / top) * (height - 8)
  const known = points.map((p, i) => ({ ...p, i })).filter(p => p.value !== null)
  const line = known
    .map((p, n) => `${n && known[n - 1]!.i === p.i - 1 ? 'L' : 'M'}${x(p.i).toFixed(1)} ${y(p.value!).toFixed(1)}`)
    .join('')
  const banded = known.filter(p => p.low !== null && p.high !== null)
  const upper = banded.map((p, n) => `${n ? 'L' : 'M'}${x(p.i).toFixed(1)} ${y(p.high!).toFixed(1)}`).join('')
  const lower = [...banded]
    .reverse()
    .map(p => `L${x(p.i).toFixed(1)} ${y(p.low!).toFixed(1)}`)
    .join('')
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      width="100%"
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${figure.label} over time`}
      className="figure-chart"
    >
      {banded.length > 1 && <path d={`${upper}${lower}Z`} className="spark-area" />}
      <path d={line} className="spark-line" vectorEffect="non-scaling-stroke" />
    </svg>
  )
}
