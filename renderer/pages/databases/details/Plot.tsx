import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Rates } from '../../../traffic.ts'
import css from './Plot.module.css'

interface PlotProps {
  readonly rates: Rates
  /** The second under the pointer, oldest is 0; null when there is none. */
  readonly onPoint: (second: number | null) => void
}

const HEIGHT = 64
/** The least that the height stands for, bytes a second: a heartbeat stays at the bottom. */
const FLOOR = 2000

/** Lines of the last minute. uplot sets its styles by script, which the page's policy allows. */
export function Plot({ rates, onPoint }: PlotProps) {
  const hostRef = useRef<HTMLDivElement>(null)
  const plotRef = useRef<uPlot>(null)

  useEffect(() => {
    const host = hostRef.current
    if (host === null) return
    const plot = new uPlot(optionsFor(host, onPoint), [[], [], []], host)
    plotRef.current = plot
    const observer = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT }))
    observer.observe(host)
    return () => {
      observer.disconnect()
      plot.destroy()
      plotRef.current = null
    }
  }, [onPoint])
  useEffect(() => {
    plotRef.current?.setData([rates.received.map((_, second) => second), [...rates.received], [...rates.sent]])
  }, [rates])

  return <div ref={hostRef} className={css['plot']} aria-hidden="true" />
}

function optionsFor(host: HTMLElement, onPoint: PlotProps['onPoint']): uPlot.Options {
  // Read at each drawing, so that a change of theme needs nothing.
  const colour = (name: string) => () => getComputedStyle(host).getPropertyValue(name)
  const line = (name: string): uPlot.Series => ({ stroke: colour(`--plot-${name}`), width: 1.3, points: { show: false } })
  return {
    width: host.clientWidth,
    height: HEIGHT,
    padding: [4, 0, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: [0, 59] },
      y: { range: (_, __, max) => [0, Math.max(FLOOR, (max ?? 0) * 1.15)] },
    },
    axes: [{ show: false }, { show: false }],
    series: [{}, { ...line('received'), fill: colour('--plot-fill') }, line('sent')],
    hooks: { setCursor: [plot => onPoint(plot.cursor.idx ?? null)] },
  }
}
