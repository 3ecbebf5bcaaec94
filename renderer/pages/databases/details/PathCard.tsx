import { Button } from '../../../parts/Button.tsx'
import { StateDot } from '../../../parts/StateDot.tsx'
import { text } from '../../../words.ts'
import type { Hop, Remedy } from './path.ts'
import css from './PathCard.module.css'

interface PathCardProps {
  readonly hops: readonly Hop[]
  readonly onRemedy: (remedy: Remedy) => void
}

const words = text.path
const HEARD: Partial<Record<Hop['status'], string>> = { open: words.ok, idle: words.idle, starting: words.waiting, waiting: words.waiting }
const REMEDIES: Readonly<Record<Remedy, string>> = { again: words.again, 'sign-in': words.signIn, 'other-port': words.otherPort }

/** From the program to the certificate; the red dot is where it is broken. */
export function PathCard({ hops, onRemedy }: PathCardProps) {
  return (
    <ol className={css['path']} aria-label={words.title}>
      {hops.map(hop => (
        <li key={hop.hop} className={css['hop']} data-status={hop.status}>
          <StateDot status={hop.status} />
          <span className={css['name']} data-mono={hop.mono} title={hop.name}>
            {hop.name}
          </span>
          <span className={css['note']} title={hop.note}>
            <span className="heard">{HEARD[hop.status] ?? words.bad}, </span>
            {hop.note}
          </span>
          {hop.reason !== null && (
            <div className={css['why']} role="alert">
              <p>{hop.reason}</p>
              {hop.remedy !== null && <Button onClick={() => onRemedy(hop.remedy!)}>{REMEDIES[hop.remedy]}</Button>}
            </div>
          )}
        </li>
      ))}
    </ol>
  )
}
