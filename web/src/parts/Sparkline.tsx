/** A small line, with an optional limit as a dashed rule. The numbers themselves stand beside it in words. */
export function Sparkline({
  points,
  line,
  label,
  height = 40,
}: {
  points: number[]
  line?: number
  label: string
  height?: number
}) {
  if (points.length < 2) return <div style={{ height }} />
  const width = 200
  const all = line === undefined ? points : [...points, line]
  const low = Math.min(...all, 0)
  const high = Math.max(...all) * 1.05 || 1
  const y = (value: number) => height - 2 - ((value - low) / (high - low)) * (height - 4)
  const x = (index: number) => (index / (points.length - 1)) * width
  const path = points
    .map((value, index) => `${index ? 'L' : 'M'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('')
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      width="100%"
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label} over time`}
    >
      <path d={`${path}L${width} ${height}L0 ${height}Z`} className="spark-area" />
      <path d={path} className="spark-line" vectorEffect="non-scaling-stroke" />
      {line !== undefined && (
        <line x1="0" x2={width} y1={y(line)} y2={y(line)} className="spark-limit" vectorEffect="non-scaling-stroke" />
      )}
    </svg>
  )
}
