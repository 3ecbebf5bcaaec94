import { useState } from 'react'
import { useRates } from '../../../engine.ts'
import { text } from '../../../words.ts'
import css from './LastMinute.module.css'
import { Plot } from './Plot.tsx'

const words = text.details
const NOW = 59

/** What went through a tunnel in the last minute; the figures are of this second, or of the one under the pointer. */
export function LastMinute({ tunnel }: { readonly tunnel: string }) {
  const rates = useRates(tunnel)
  const [pointed, setPointed] = useState<number | null>(null)
  const at = pointed ?? NOW
  return (
    <section className={css['card']} aria-label={words.minute}>
      <header className={css['head']}>
        <span>{pointed === null ? words.minute : words.agoSeconds(NOW - pointed)}</span>
        <span className={css['figures']}>
          <span className={css['received']}>
            ↓ {words.down(rates.received[at] ?? 0)} <span className="heard">{words.received}</span>
          </span>
          <span className={css['sent']}>
            ↑ {words.down(rates.sent[at] ?? 0)} <span className="heard">{words.sent}</span>
          </span>
        </span>
      </header>
      <Plot rates={rates} onPoint={setPointed} />
    </section>
  )
}
