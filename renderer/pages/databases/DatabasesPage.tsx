import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { DatabaseId } from '../../../shared/ids.ts'
import type { Session } from '../../../shared/state.ts'
import { useAsk, useMedia, useNow, useSlice } from '../../engine.ts'
import type { Status } from '../../parts/StateDot.tsx'
import { text } from '../../words.ts'
import { SignInDialog } from '../sign-in/SignInDialog.tsx'
import { ClusterMenu } from './ClusterMenu.tsx'
import { DatabaseGrid } from './DatabaseGrid.tsx'
import css from './DatabasesPage.module.css'
import { DetailsPanel } from './DetailsPanel.tsx'
import { addressOf, type Entry } from './entries.ts'
import { NothingToList } from './NothingToList.tsx'
import { Notices } from './Notices.tsx'
import { SearchField } from './SearchField.tsx'
import { Sidebar, type View } from './Sidebar.tsx'
import { useFound } from './use-found.ts'
import { useTunnels } from './use-tunnels.ts'

interface DatabasesPageProps {
  readonly session: Exclude<Session, { state: 'none' }>
  readonly onAddCluster: () => void
}

export function DatabasesPage({ session, onAddCluster }: DatabasesPageProps) {
  const ask = useAsk()
  const [databases, tunnels, proxy, profiles, notices, lab] = [
    useSlice('databases'),
    useSlice('tunnels'),
    useSlice('proxy'),
    useSlice('profiles'),
    useSlice('notices'),
    useSlice('lab'),
  ]
  const [hasDetails, hasSide] = [useMedia('(min-width: 900px)'), useMedia('(min-width: 640px)')]
  const now = useNow(20_000)
  const [view, setView] = useState<View>('databases')
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<DatabaseId>()
  const [overlay, setOverlay] = useState(false)
  const [missing, setMissing] = useState<DatabaseId>()
  /** The end of the session that a sign-in was asked for: a newer session, from here or the command line, leaves nothing to ask. */
  const [signInAfter, setSignInAfter] = useState<number>()
  const [trouble, setTrouble] = useState<Failure | null>(null)
  const [said, setSaid] = useState('')
  const searchRef = useRef<HTMLInputElement>(null)
  const gridRef = useRef<HTMLDivElement>(null)
  const titleRef = useRef<HTMLHeadingElement>(null)

  const { profile } = session
  const signIn = useCallback(() => setSignInAfter(profile.validUntil), [profile.validUntil])
  const { choiceOf, choose, act, reconnect } = useTunnels(setTrouble, signIn)
  const found = useFound(databases.items, tunnels, view, search)
  const entry = useMemo(() => {
    const line = found.lines.find(one => one.key === chosen) ?? found.lines[1]
    return line?.kind === 'entry' ? line.entry : undefined
  }, [chosen, found.lines])
  const ended = session.state === 'ended'

  const copy = useCallback(
    async (value: string): Promise<boolean> => {
      const done = (await ask('clipboard.copy', { text: value }, setTrouble)) !== undefined
      if (done) setSaid(text.copiedText(value))
      return done
    },
    [ask],
  )
  const showDetails = useCallback((one: Entry): void => {
    setChosen(one.database.id)
    setOverlay(true)
    // After the panel is there.
    setTimeout(() => titleRef.current?.focus(), 0)
  }, [])
  const onAct = useCallback(
    (one: Entry): void => {
      setChosen(one.database.id)
      setTrouble(null)
      const done = act(one)
      setMissing(done ? undefined : one.database.id)
      if (!done) showDetails(one)
    },
    [act, showDetails],
  )
  const onChoose = useCallback(
    (one: Entry): void => {
      setChosen(one.database.id)
      if (!hasDetails) setOverlay(true)
    },
    [hasDetails],
  )
  const onCopyAddress = useCallback((one: Entry): void => void copy(addressOf(one)), [copy])
  const toList = useCallback((): void => {
    setOverlay(false)
    gridRef.current?.focus({ preventScroll: true })
  }, [])

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.altKey || event.defaultPrevented) return
      const target = event.target
      const grid = gridRef.current
      const elsewhere = target instanceof HTMLElement && target.closest('[role=dialog], [role=menu]') !== null
      const find = (event.ctrlKey || event.metaKey) && event.key === 'f'
      if (!find && (event.ctrlKey || event.metaKey)) return
      if (!elsewhere && (find || (event.key === '/' && !(target instanceof HTMLInputElement)))) {
        event.preventDefault()
        searchRef.current?.focus()
        searchRef.current?.select()
      } else if (target === document.body && grid !== null && event.key !== 'Tab' && event.key !== 'Shift') {
        // Nothing has the focus: the keys are for the list.
        grid.focus({ preventScroll: true })
        if (!grid.dispatchEvent(new KeyboardEvent('keydown', { key: event.key, bubbles: true, cancelable: true }))) event.preventDefault()
      }
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
  useEffect(() => {
    if (said === '') return
    const timer = setTimeout(() => setSaid(''), 1600)
    return () => clearTimeout(timer)
  }, [said])

  const menu = (
    <ClusterMenu
      profile={profile}
      profiles={profiles}
      ended={ended}
      now={now}
      compact={!hasSide}
      onAdd={onAddCluster}
      onUse={to => void ask('profile.use', { proxy: to }, setTrouble)}
      onSignOut={() => void ask('login.end', { proxy: profile.proxy }, setTrouble)}
    />
  )
  const engine: { status: Status; words: string } = ended
    ? { status: 'waiting', words: text.side.signedOut }
    : proxy.reachable
      ? { status: 'open', words: text.side.engine(found.running) }
      : { status: 'trouble', words: text.side.offline }
  const details = entry !== undefined && (hasDetails || overlay)

  return (
    <div className={css['page']}>
      {hasSide && (
        <Sidebar view={view} counts={{ running: found.running, databases: databases.items.length }} engine={engine} onView={setView}>
          {menu}
        </Sidebar>
      )}
      <main className={css['list']}>
        <h1 className="heard">{text.list.title}</h1>
        <Notices
          session={session}
          proxy={proxy}
          list={databases}
          lab={lab}
          notices={notices}
          trouble={trouble}
          now={now}
          onSignIn={signIn}
          onLook={() => void ask('databases.refresh', {}, setTrouble)}
          onStartLab={() => void ask('lab.start', {}, setTrouble)}
          onDismissNotice={id => void ask('notice.dismiss', { id })}
          onDismissTrouble={() => setTrouble(null)}
        />
        <div className={css['bar']}>
          {!hasSide && menu}
          <SearchField value={search} total={found.total} inputRef={searchRef} onText={setSearch} onLeave={toList} />
        </div>
        {found.shown > 0 ? (
          <DatabaseGrid
            lines={found.lines}
            active={entry?.database.id}
            unreachable={proxy.reachable ? undefined : profile.proxy}
            gridRef={gridRef}
            onActivate={setChosen}
            onChoose={onChoose}
            onAct={onAct}
            onDetails={showDetails}
            onCopy={onCopyAddress}
            onEscape={() => (overlay && !hasDetails ? setOverlay(false) : setSearch(''))}
          />
        ) : (
          <NothingToList
            list={databases}
            view={view}
            search={search}
            cluster={profile.cluster}
            onClear={() => {
              setSearch('')
              setView('databases')
            }}
            onLook={() => void ask('databases.refresh', {}, setTrouble)}
          />
        )}
        <p className={css['count']} role="status" data-shown={search !== ''}>
          {search === '' ? '' : text.list.shown(found.shown, found.total)}
        </p>
        <p className={css['said']} role="status" data-shown={said !== ''}>
          {said}
        </p>
      </main>
      {(hasDetails || details) && (
        <aside
          className={css['details']}
          data-overlay={!hasDetails}
          aria-label={text.details.title}
          onKeyDown={event => {
            if (event.key !== 'Escape' || event.defaultPrevented) return
            event.preventDefault()
            toList()
          }}
        >
          {entry === undefined ? (
            <p className={css['none']}>{text.details.none}</p>
          ) : (
            <DetailsPanel
              entry={entry}
              choice={choiceOf(entry.database.id)}
              missing={missing === entry.database.id}
              titleRef={titleRef}
              onChoice={choice => {
                choose(entry.database.id, choice)
                setMissing(undefined)
              }}
              onAct={() => onAct(entry)}
              onReconnect={() => reconnect(entry)}
              onCopy={copy}
              onClose={hasDetails ? undefined : toList}
            />
          )}
        </aside>
      )}
      {signInAfter === profile.validUntil && (
        <SignInDialog
          profile={profile}
          waiting={session.state === 'ended' ? session.waiting : 0}
          onClose={() => setSignInAfter(undefined)}
        />
      )}
    </div>
  )
}
