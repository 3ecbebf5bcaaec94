import { memo } from 'react'
import { Button } from '../../parts/Button.tsx'
import { StateDot } from '../../parts/StateDot.tsx'
import { protocolTile, protocolTitle, shown, text } from '../../words.ts'
import { actionOf, addressOf, isListening, noteOf, type Entry } from './entries.ts'
import css from './DatabaseRow.module.css'

interface DatabaseRowProps {
  readonly id: string
  readonly entry: Entry
  readonly rowIndex: number
  readonly active: boolean
  readonly unreachable: string | undefined
  /** px from the top of the list */
  readonly top: number
  readonly onChoose: (entry: Entry) => void
  readonly onAct: (entry: Entry) => void
}

export const DatabaseRow = memo(function DatabaseRow({ id, entry, rowIndex, active, unreachable, top, onChoose, onAct }: DatabaseRowProps) {
  const { database, status } = entry
  const note = noteOf(entry, unreachable)
  const action = actionOf(status)
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={rowIndex}
      aria-selected={active}
      className={css['row']}
      data-active={active}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onChoose(entry)}
    >
      <div role="gridcell" className={css['state']}>
        <StateDot status={status} />
        <span className="heard">{text.status[status]}</span>
      </div>
      <div role="gridcell" className={css['what']}>
        <span className={css['tile']} aria-hidden="true">
          {protocolTile(database.dbProtocol)}
        </span>
        <span className={css['lines']}>
          <span className={css['name']}>
            <b>{shown(database.name)}</b> <span className={css['protocol']}>{protocolTitle(database.dbProtocol)}</span>
          </span>
          <span className={css['note']} data-tone={note.tone} title={note.text}>
            {note.text}
          </span>
        </span>
      </div>
      <div role="gridcell" className={css['address']} data-listening={isListening(entry)}>
        {addressOf(entry)}
      </div>
      <div role="gridcell" className={css['act']}>
        <Button
          look={action === 'disconnect' || action === 'cancel' || action === 'closing' ? 'quiet' : 'plain'}
          tabIndex={active ? 0 : -1}
          disabled={action === 'closing'}
          aria-label={`${text.action[action]} ${shown(database.name)}`}
          onClick={event => {
            event.stopPropagation()
            // Rows move once they run: the second click of a double click may be over another one.
            if (event.detail < 2) onAct(entry)
          }}
        >
          {text.action[action]}
        </Button>
      </div>
    </div>
  )
})
