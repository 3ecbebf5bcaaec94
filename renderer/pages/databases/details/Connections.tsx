import { useState } from 'react'
import type { Answer } from '../../../../shared/contract.ts'
import type { Connection } from '../../../../shared/state.ts'
import { Button } from '../../../parts/Button.tsx'
import { StateDot } from '../../../parts/StateDot.tsx'
import { shown, text } from '../../../words.ts'
import css from './Connections.module.css'

interface ConnectionsProps {
  readonly found: Answer<'tunnel.connections'>
  readonly onClose: (connection: number) => void
}

const words = text.connections
/** Shown before somebody asks for all. */
const FEW = 6

/** Which programs are connected, since when, with how much; each can be closed. */
export function Connections({ found: { total, connections }, onClose }: ConnectionsProps) {
  const [all, setAll] = useState(false)
  if (total === 0) return null
  const sorted = connections.toSorted(byProgram)
  const listed = all ? sorted : sorted.slice(0, FEW)
  return (
    <section aria-labelledby="connections">
      <h3 id="connections" className={css['heading']}>
        {words.title} <span>{total.toLocaleString('en')}</span>
      </h3>
      <ul className={css['card']}>
        {listed.map(one => (
          <Row key={one.id} connection={one} onClose={onClose} />
        ))}
        {!all && sorted.length > FEW && (
          <li>
            <Button look="small" onClick={() => setAll(true)}>
              {words.all(sorted.length)}
            </Button>
          </li>
        )}
        {(all || sorted.length <= FEW) && total > sorted.length && <li className={css['more']}>{words.more(total - sorted.length)}</li>}
      </ul>
    </section>
  )
}

const nameOf = ({ from }: Connection): string => (from === null ? '' : from.program)

/** A program's connections stand together, oldest first; unknown ones last. */
function byProgram(a: Connection, b: Connection): number {
  const [first, second] = [nameOf(a), nameOf(b)]
  if (first !== second) return first === '' ? 1 : second === '' ? -1 : first < second ? -1 : 1
  return (a.from?.pid ?? 0) - (b.from?.pid ?? 0) || a.since - b.since
}

function Row({ connection, onClose }: { readonly connection: Connection; readonly onClose: (connection: number) => void }) {
  const { id, from, state, since, bytesIn, bytesOut } = connection
  const name = from === null ? words.unknown : shown(from.program)
  return (
    <li className={css['row']}>
      <StateDot status={state === 'waiting' ? 'waiting' : 'open'} />
      <span className={css['lines']}>
        <span className={css['name']} title={name}>
          {name} {from !== null && <span className={css['pid']}>{words.pid(from.pid)}</span>}
        </span>
        <span className={css['facts']}>
          {words.since(since)} · {state === 'waiting' ? words.waiting : words.traffic(bytesIn, bytesOut)}
        </span>
      </span>
      <Button look="small" aria-label={words.closeThis(name)} onClick={() => onClose(id)}>
        {words.close}
      </Button>
    </li>
  )
}
