import { memo } from 'react'
import { Button } from '../../parts/Button.tsx'
import { StarButton } from '../../parts/StarButton.tsx'
import { StateDot } from '../../parts/StateDot.tsx'
import { Tile } from '../../parts/Tile.tsx'
import { protocolTile, protocolTitle } from '../../protocol-words.ts'
import { shown, text } from '../../words.ts'
import { actionOf, addressOf, isListening, noteOf, type Entry } from './entries.ts'
import css from './DatabaseRow.module.css'
import { Sparkline } from './Sparkline.tsx'

/** What a row can be asked for. */
export interface RowEvents {
  /** A click on it. */
  readonly onChoose: (entry: Entry) => void
  /** Its one button. */
  readonly onAct: (entry: Entry) => void
  /** Connect and open in the last used tool. */
  readonly onOpen: (entry: Entry) => void
  readonly onFavour: (entry: Entry, on: boolean) => void
}

interface DatabaseRowProps extends RowEvents {
  readonly id: string
  readonly entry: Entry
  readonly rowIndex: number
  readonly active: boolean
  readonly unreachable: string | undefined
  /** px from the top of the list */
  readonly top: number
}

export const DatabaseRow = memo(function DatabaseRow(props: DatabaseRowProps) {
  const { id, entry, rowIndex, active, unreachable, top, onChoose, onAct, onOpen, onFavour } = props
  const { database, status } = entry
  const note = noteOf(entry, unreachable)
  const action = actionOf(status)
  const tabIndex = active ? 0 : -1
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
      onDoubleClick={event => {
        if (event.target instanceof Element && event.target.closest('button') === null) onOpen(entry)
      }}
    >
      <div role="gridcell" className={css['state']}>
        <StateDot status={status} />
        <span className="heard">{text.status[status]}</span>
      </div>
      <div role="gridcell" className={css['what']}>
        <Tile>{protocolTile(database.dbProtocol)}</Tile>
        <span className={css['lines']}>
          <span className={css['name']}>
            <b>{shown(database.name)}</b> <span className={css['protocol']}>{protocolTitle(database.dbProtocol)}</span>
            <span className={css['star']} data-on={entry.favourite}>
              <StarButton name={shown(database.name)} on={entry.favourite} tabIndex={tabIndex} onToggle={on => onFavour(entry, on)} />
            </span>
          </span>
          <span className={css['note']} data-tone={note.tone} title={note.text}>
            {note.text}
          </span>
        </span>
      </div>
      <div role="gridcell" className={css['address']} data-listening={isListening(entry)}>
        {addressOf(entry)}
      </div>
      <div role="gridcell" className={css['spark']}>
        {entry.tunnel !== undefined && isListening(entry) && <Sparkline tunnel={entry.tunnel.id} />}
      </div>
      <div role="gridcell" className={css['act']}>
        <Button
          look={action === 'disconnect' || action === 'cancel' || action === 'closing' ? 'quiet' : 'plain'}
          tabIndex={tabIndex}
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
