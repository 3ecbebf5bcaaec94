import { useRates } from '../../engine.ts'
import css from './Sparkline.module.css'

const [WIDTH, HEIGHT, PAD] = [60, 18, 1.5]
/** Below this the line stays at the bottom: a heartbeat is no traffic. Bytes a second. */
const FLOOR = 256

/** The last minute of a tunnel, both ways together; a flat line where nothing goes. Figures stand in the details. */
export function Sparkline({ tunnel }: { readonly tunnel: string }) {
  const { received, sent } = useRates(tunnel)
  const both = received.map((rate, at) => rate + (sent[at] ?? 0))
  return (
    <svg
      className={css['spark']}
      data-quiet={both.every(rate => rate === 0)}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
    >
      <path d={sparkPath(both)} />
    </svg>
  )
}

/** Every second second is enough for 60 px; the higher of the two counts, so that no burst is lost. */
function sparkPath(rates: readonly number[]): string {
  const pairs = Array.from({ length: Math.ceil(rates.length / 2) }, (_, n) => Math.max(rates[2 * n] ?? 0, rates[2 * n + 1] ?? 0))
  // The root keeps small traffic visible beside a burst.
  const top = Math.sqrt(Math.max(FLOOR, ...pairs))
  const x = (at: number): string => ((at / (pairs.length - 1)) * WIDTH).toFixed(1)
  const y = (rate: number): string => (HEIGHT - PAD - (Math.sqrt(rate) / top) * (HEIGHT - 2 * PAD)).toFixed(1)
  return pairs.map((rate, at) => `${at === 0 ? 'M' : 'L'}${x(at)} ${y(rate)}`).join('')
}
