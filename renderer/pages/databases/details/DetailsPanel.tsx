import type { Ref } from 'react'
import { useNow, useSlice } from '../../../engine.ts'
import { Button } from '../../../parts/Button.tsx'
import { CopyButton } from '../../../parts/CopyButton.tsx'
import { IconButton } from '../../../parts/IconButton.tsx'
import { StarButton } from '../../../parts/StarButton.tsx'
import { StatePill } from '../../../parts/StatePill.tsx'
import { protocolTitle } from '../../../protocol-words.ts'
import { shown, text } from '../../../words.ts'
import { chosenFor, differs } from '../choice.ts'
import { actionOf, shownLabels, type Entry } from '../entries.ts'
import type { Tunnels } from '../use-tunnels.ts'
import { Connections } from './Connections.tsx'
import css from './DetailsPanel.module.css'
import { Fact, Facts } from './Facts.tsx'
import { LastMinute } from './LastMinute.tsx'
import { OpenIn } from './OpenIn.tsx'
import { pathOf, type Remedy } from './path.ts'
import { PathCard } from './PathCard.tsx'
import { Reach } from './Reach.tsx'
import { useConnections } from './use-connections.ts'
import { useTools } from './use-tools.ts'

interface DetailsPanelProps {
  readonly entry: Entry
  /** Connect was asked for, but a user or database must be chosen first. */
  readonly missing: boolean
  readonly titleRef: Ref<HTMLHeadingElement>
  readonly tunnels: Tunnels
  readonly onAct: (entry: Entry) => void
  readonly onOpen: (entry: Entry, tool?: string) => void
  readonly onCopy: (value: string) => Promise<boolean>
  readonly onSignIn: () => void
  /** Present when the panel lies over the list. */
  readonly onClose: (() => void) | undefined
}

const words = text.details

export function DetailsPanel(props: DetailsPanelProps) {
  const { entry, missing, titleRef, tunnels, onAct, onOpen, onCopy, onSignIn, onClose } = props
  const { database, tunnel, status } = entry
  const [session, proxy] = [useSlice('session'), useSlice('proxy')]
  const now = useNow(20_000)
  const open = tunnel?.state === 'open' ? tunnel : undefined
  const found = useConnections(open?.id)
  const tools = useTools(database.id, database.lastTool)
  const choice = tunnels.choiceOf(database.id)
  const { user, name } = chosenFor(entry, choice)
  const hops = session.state === 'none' ? [] : pathOf({ entry, session, proxy, connections: found.connections, now })
  const broken = hops.some(hop => hop.reason !== null)
  const action = actionOf(status)
  // The hop that broke has that button.
  const again = open === undefined && hops.some(hop => hop.remedy === 'again')

  const remedy = (what: Remedy): void => {
    if (what === 'sign-in') onSignIn()
    else if (what === 'other-port') tunnels.onOtherPort(entry)
    else if (open === undefined) onAct(entry)
    else tunnels.restart(entry)
  }
  const path = <PathCard hops={hops} onRemedy={remedy} />

  return (
    <div className={css['panel']}>
      <header className={css['head']}>
        <div className={css['line']}>
          <h2 ref={titleRef} tabIndex={-1} className={css['title']} title={shown(database.name)}>
            {shown(database.name)}
          </h2>
          <StarButton name={shown(database.name)} on={entry.favourite} size={15} onToggle={on => tunnels.favour(entry, on)} />
          <StatePill status={status} />
          {onClose !== undefined && <IconButton icon="close" label={text.close} onClick={onClose} />}
        </div>
        <p className={css['subtitle']}>
          {[
            protocolTitle(database.dbProtocol),
            shown(database.cluster),
            ...(open === undefined ? [] : [words.connections(open.connections)]),
          ].join(' · ')}
        </p>
        {database.description !== '' && <p className={css['description']}>{shown(database.description)}</p>}
      </header>

      {/* What is wrong comes first. */}
      {broken && path}
      <Reach entry={entry} choice={choice} onChoice={next => tunnels.choose(database.id, next)} onCopy={onCopy} />
      {missing && (user === null || name === null) && <Missing what={user === null ? words.user : words.database} />}
      {open !== undefined && differs(entry, choice) && (
        <div className={css['differs']} role="status">
          <p>
            {words.nextTime(shown(open.databaseUser), shown(open.databaseName))}{' '}
            {open.connections > 0 && words.reconnectCloses(open.connections)}
          </p>
          <Button onClick={() => tunnels.reconnect(entry)}>{words.reconnect}</Button>
        </div>
      )}
      {open === undefined && !again && (
        <Button
          look={action === 'cancel' || action === 'closing' ? 'quiet' : 'primary'}
          wide
          disabled={action === 'closing'}
          onClick={() => onAct(entry)}
        >
          {text.action[action]}
        </Button>
      )}
      {open === undefined && status !== 'failed' && <p className={css['hint']}>{words.notYet}</p>}
      {tools !== undefined && (
        <OpenIn
          tools={tools}
          dbProtocol={database.dbProtocol}
          url={open?.url ?? null}
          onOpen={tool => onOpen(entry, tool)}
          onCopy={onCopy}
        />
      )}
      {open !== undefined && <LastMinute tunnel={open.id} />}
      {!broken && path}
      {open !== undefined && <Connections found={found} onClose={connection => tunnels.closeConnection(open.id, connection)} />}
      {open !== undefined && <Strings open={open} onCopy={onCopy} />}
      <Labels entry={entry} />
    </div>
  )
}

function Missing({ what }: { readonly what: string }) {
  return (
    <p className={css['missing']} role="alert">
      {words.chooseFirst(what.toLowerCase())}
    </p>
  )
}

interface StringsProps {
  readonly open: { readonly url: string | null; readonly jdbc: string | null; readonly command: string; readonly socket: string | null }
  readonly onCopy: (value: string) => Promise<boolean>
}

/** Whole lines to paste. */
function Strings({ open, onCopy }: StringsProps) {
  const lines = [
    [words.url, open.url],
    [words.jdbc, open.jdbc],
    [words.command, open.command],
    [words.socket, open.socket],
  ] as const
  return (
    <section aria-labelledby="strings">
      <h3 id="strings" className={css['heading']}>
        {words.strings}
      </h3>
      <Facts long>
        {lines.map(([name, value]) =>
          value === null ? null : (
            <Fact key={name} name={name} copy={<CopyButton thing={name} value={value} onCopy={onCopy} />}>
              <code>{shown(value)}</code>
            </Fact>
          ),
        )}
      </Facts>
    </section>
  )
}

function Labels({ entry }: { readonly entry: Entry }) {
  const labels = shownLabels(entry.database)
  if (labels.length === 0) return null
  return (
    <section aria-labelledby="labels">
      <h3 id="labels" className={css['heading']}>
        {words.labels}
      </h3>
      <ul className={css['labels']}>
        {labels.map(([key, value]) => (
          <li key={key}>{shown(`${key}=${value}`)}</li>
        ))}
      </ul>
    </section>
  )
}
