import type { ReactNode, Ref } from 'react'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { CopyButton } from '../../parts/CopyButton.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { Picker } from '../../parts/Picker.tsx'
import { StatePill } from '../../parts/StatePill.tsx'
import { protocolTitle, shown, text } from '../../words.ts'
import { actionOf, isListening, portOf, shownLabels, type Entry } from './entries.ts'
import css from './DetailsPanel.module.css'

/** What the person chose for the next start, where it differs from the default. */
export interface Choice {
  readonly databaseUser?: string
  readonly databaseName?: string
}

interface DetailsPanelProps {
  readonly entry: Entry
  readonly choice: Choice
  /** Connect was asked for, but a user or database must be chosen first. */
  readonly missing: boolean
  readonly titleRef: Ref<HTMLHeadingElement>
  readonly onChoice: (choice: Choice) => void
  readonly onAct: () => void
  readonly onReconnect: () => void
  readonly onCopy: (value: string) => Promise<boolean>
  /** Present when the panel lies over the list. */
  readonly onClose: (() => void) | undefined
}

const words = text.details

export function DetailsPanel({ entry, choice, missing, titleRef, onChoice, onAct, onReconnect, onCopy, onClose }: DetailsPanelProps) {
  const { database, tunnel, status } = entry
  const user = choice.databaseUser ?? tunnel?.databaseUser ?? database.databaseUser
  const name = choice.databaseName ?? tunnel?.databaseName ?? database.databaseName
  const open = tunnel?.state === 'open' ? tunnel : undefined
  const differs = open !== undefined && (user !== open.databaseUser || name !== open.databaseName)
  const action = actionOf(status)
  const failure = tunnel?.state === 'failed' ? tunnel.failure : (open?.trouble ?? null)
  const labels = shownLabels(database)
  const subtitle = [
    protocolTitle(database.dbProtocol),
    shown(database.cluster),
    ...(open === undefined ? [] : [words.connections(open.connections)]),
  ]
  const copy = (thing: string, value: string | null) =>
    value === null || value === '' ? null : <CopyButton key={`${database.id} ${thing}`} thing={thing} value={value} onCopy={onCopy} />

  return (
    <div className={css['panel']}>
      <header className={css['head']}>
        <div className={css['line']}>
          <h2 ref={titleRef} tabIndex={-1} className={css['title']} title={shown(database.name)}>
            {shown(database.name)}
          </h2>
          <StatePill status={status} />
          {onClose !== undefined && <IconButton icon="close" label={text.close} onClick={onClose} />}
        </div>
        <p className={css['subtitle']}>{subtitle.join(' · ')}</p>
        {database.description !== '' && <p className={css['description']}>{shown(database.description)}</p>}
      </header>

      {failure !== null && <FailureCallout failure={failure} />}

      <dl className={css['card']}>
        <Row name={words.host} copy={copy(words.host, 'localhost')}>
          <code>localhost</code>
        </Row>
        <Row name={words.port} copy={copy(words.port, String(portOf(entry)))}>
          <code data-faint={!isListening(entry)}>{portOf(entry)}</code>
        </Row>
        <Row name={words.user} copy={copy(words.user, user)}>
          <Picker
            key={`${database.id} user`}
            label={words.user}
            value={user}
            allowed={database.databaseUsers}
            onPick={picked => onChoice({ ...choice, databaseUser: picked })}
          />
        </Row>
        <Row name={words.database} copy={copy(words.database, name)}>
          <Picker
            key={`${database.id} name`}
            label={words.database}
            value={name}
            allowed={database.databaseNames}
            onPick={picked => onChoice({ ...choice, databaseName: picked })}
          />
        </Row>
        <Row name={words.password}>
          <span className={css['none']}>{words.passwordNone}</span>
        </Row>
      </dl>

      {missing && (
        <p className={css['missing']} role="alert">
          {words.chooseFirst((user === null ? words.user : words.database).toLowerCase())}
        </p>
      )}
      {differs && (
        <div className={css['differs']} role="status">
          <p>
            {words.nextTime(shown(open.databaseUser), shown(open.databaseName))}{' '}
            {open.connections > 0 && words.reconnectCloses(open.connections)}
          </p>
          <Button onClick={onReconnect}>{words.reconnect}</Button>
        </div>
      )}
      {open === undefined && (
        <Button
          look={action === 'cancel' || action === 'closing' ? 'quiet' : 'primary'}
          wide
          disabled={action === 'closing'}
          onClick={onAct}
        >
          {text.action[action]}
        </Button>
      )}
      {open === undefined && status !== 'failed' && <p className={css['hint']}>{words.notYet}</p>}

      {open !== undefined && (
        <section aria-labelledby="strings">
          <h3 id="strings" className={css['heading']}>
            {words.strings}
          </h3>
          <dl className={`${css['card']} ${css['strings']}`}>
            {open.url !== null && (
              <Row name={words.url} copy={copy(words.url, open.url)}>
                <code>{shown(open.url)}</code>
              </Row>
            )}
            {open.jdbc !== null && (
              <Row name={words.jdbc} copy={copy(words.jdbc, open.jdbc)}>
                <code>{shown(open.jdbc)}</code>
              </Row>
            )}
            <Row name={words.command} copy={copy(words.command, open.command)}>
              <code>{shown(open.command)}</code>
            </Row>
            {open.socket !== null && (
              <Row name={words.socket} copy={copy(words.socket, open.socket)}>
                <code>{shown(open.socket)}</code>
              </Row>
            )}
          </dl>
        </section>
      )}

      {labels.length > 0 && (
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
      )}
    </div>
  )
}

function Row({ name, children, copy }: { readonly name: string; readonly children: ReactNode; readonly copy?: ReactNode }) {
  return (
    <div className={css['row']}>
      <dt>{name}</dt>
      <dd className={css['value']}>{children}</dd>
      <dd className={css['copy']}>{copy}</dd>
    </div>
  )
}
