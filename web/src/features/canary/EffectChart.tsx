import 'uplot/dist/uPlot.min.css'
import { Group, Text, useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { Look } from '~/lib/api/verification'
import { ratio } from '~/lib/format'
import { chartData, effectRange, inWords, type Lines } from './effect'

interface Drawn {
  id: string
  looks: Look[]
  lines: Lines
  started: string
  interval_s: number
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function options({ looks, lines }: Drawn, width: number, height: number): uPlot.Options {
  const text = css('--mantine-color-dimmed')
  const grid = css('--mantine-color-default-border')
  const blue = css('--chart-line')
  const [low, high] = effectRange(looks, lines)
  const axis = {
    stroke: text,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    font: '11px "Inter Variable", sans-serif',
  }
  const zones = (u: uPlot) => {
    const { left, top, width: w, height: h } = u.bbox
    const y = (value: number) => u.valToPos(value, 'y', true)
    const tolerance = y(lines.tolerance)
    const harm = y(lines.harm)
    u.ctx.save()
    u.ctx.fillStyle = css('--zone-good')
    u.ctx.fillRect(left, tolerance, w, top + h - tolerance)
    u.ctx.fillStyle = css('--zone-bad')
    u.ctx.fillRect(left, top, w, Math.max(0, harm - top))
    u.ctx.restore()
  }
  const rules = (u: uPlot) => {
    const { left, width: w } = u.bbox
    u.ctx.save()
    u.ctx.font = `${11 * devicePixelRatio}px "Inter Variable", sans-serif`
    for (const [value, words, color] of [
      [lines.tolerance, `no worse than ${ratio(lines.tolerance)}`, css('--line-good')],
      [lines.harm, `harm ${ratio(lines.harm)}`, css('--line-bad')],
    ] as const) {
      const y = Math.round(u.valToPos(value, 'y', true))
      u.ctx.strokeStyle = color
      u.ctx.fillStyle = color
      u.ctx.lineWidth = devicePixelRatio * 1.5
      u.ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
      u.ctx.beginPath()
      u.ctx.moveTo(left, y)
      u.ctx.lineTo(left + w, y)
      u.ctx.stroke()
      u.ctx.textAlign = 'right'
      u.ctx.textBaseline = value === lines.harm ? 'bottom' : 'top'
      u.ctx.fillText(words, left + w - 8 * devicePixelRatio, y + (value === lines.harm ? -4 : 5) * devicePixelRatio)
    }
    u.ctx.restore()
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: true }, y: { distr: 3, log: 2, range: [low, high] } },
    axes: [
      { ...axis, values: '{HH}:{mm}:{ss}' },
      {
        ...axis,
        size: 46,
        values: (_u, ticks) => ticks.map(tick => (tick === null ? '' : `×${Number(tick.toPrecision(3))}`)),
      },
    ],
    series: [
      {},
      { label: 'high', stroke: 'transparent', points: { show: false } },
      { label: 'low', stroke: 'transparent', points: { show: false } },
      { label: 'effect', stroke: blue, width: 2, points: { show: false } },
    ],
    bands: [{ series: [1, 2], fill: css('--chart-band') }],
    hooks: { drawClear: [zones], draw: [rules] },
  }
}

/** The effect with its confidence sequence over time, between the line "no worse than" and the line "harm". */
export function EffectChart(drawn: Drawn) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const scheme = useComputedColorScheme('light')
  const { looks, lines, started, interval_s } = drawn
  const data = () => chartData(looks, lines, started, interval_s) as uPlot.AlignedData
  const latest = useRef({ drawn, data })
  latest.current = { drawn, data }
  const shape = `${drawn.id} ${lines.tolerance} ${lines.harm.toFixed(2)} ${effectRange(looks, lines).join()}`
  useEffect(() => {
    const element = box.current
    if (!element) return
    // The key values: another canary, other lines, or other colours need a chart made anew.
    void shape
    void scheme
    const chart = new uPlot(options(latest.current.drawn, element.clientWidth, 260), latest.current.data(), element)
    plot.current = chart
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 260 }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      chart.destroy()
      plot.current = null
    }
  }, [shape, scheme])
  useEffect(() => {
    plot.current?.setData(chartData(looks, lines, started, interval_s) as uPlot.AlignedData)
  }, [looks, lines, started, interval_s])
  const words = inWords(looks, lines)
  return (
    <figure className="figure">
      <Group gap="md" mb={6}>
        <Text size="xs" fw={600} c="dimmed">
          Error rate, new over old
        </Text>
        <Text size="xs" c="dimmed" className="inline">
          <span className="key-line" aria-hidden /> estimate
        </Text>
        <Text size="xs" c="dimmed" className="inline">
          <span className="key-band" aria-hidden /> where the truth lies, 95 % sure at every moment at once
        </Text>
      </Group>
      <div ref={box} role="img" aria-label={words} />
      <figcaption className="visually-hidden">{words}</figcaption>
    </figure>
  )
}
