import { useCallback, useEffect, useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { Session } from '../../../shared/state.ts'
import { useAsk, useMedia, useNow, useSlice } from '../../engine.ts'
import { isMac } from '../../keys.ts'
import { Kbd } from '../../parts/Kbd.tsx'
import type { Status } from '../../parts/StateDot.tsx'
import { text } from '../../words.ts'
import { DatabasesPage } from '../databases/DatabasesPage.tsx'
import { useEntries } from '../databases/use-found.ts'
import { useTunnels } from '../databases/use-tunnels.ts'
import { LogPage } from '../log/LogPage.tsx'
import { Palette } from '../palette/Palette.tsx'
import { isView, type Place } from '../places.ts'
import { SettingsPage } from '../settings/SettingsPage.tsx'
import { SignInDialog } from '../sign-in/SignInDialog.tsx'
import { ClusterMenu } from './ClusterMenu.tsx'
import css from './Frame.module.css'
import { Notices } from './Notices.tsx'
import { Sidebar } from './Sidebar.tsx'
import { usePlaceKeys } from './use-place-keys.ts'
import { useSelection } from './use-selection.ts'

interface FrameProps {
  readonly session: Exclude<Session, { state: 'none' }>
  readonly onAddCluster: () => void
}

/** The window of somebody who signed in: sidebar, one page, and what lies over both. */
export function Frame({ session, onAddCluster }: FrameProps) {
  const ask = useAsk()
  const [databases, tunnels, favourites, proxy] = [useSlice('databases'), useSlice('tunnels'), useSlice('favourites'), useSlice('proxy')]
  const [hasDetails, hasSide] = [useMedia('(min-width: 900px)'), useMedia('(min-width: 640px)')]
  const now = useNow(20_000)
  const [place, setPlace] = useState<Place>('databases')
  const [palette, setPalette] = useState(false)
  /** The end of the session that a sign-in was asked for: a newer session, from here or the command line, leaves nothing to ask. */
  const [signInAfter, setSignInAfter] = useState<number>()
  const [trouble, setTrouble] = useState<Failure | null>(null)
  const [said, say] = useSaid()

  const { profile } = session
  const ended = session.state === 'ended'
  const signIn = useCallback(() => setSignInAfter(profile.validUntil), [profile.validUntil])
  const entries = useEntries(databases.items, tunnels, favourites)
  const tunnelsNow = useTunnels(setTrouble, signIn)
  const selection = useSelection(tunnelsNow, setTrouble)
  usePlaceKeys(setPalette, setPlace)

  const copy = useCallback(
    async (value: string): Promise<boolean> => {
      const done = (await ask('clipboard.copy', { text: value }, setTrouble)) !== undefined
      if (done) say(text.copiedText(value))
      return done
    },
    [ask, say],
  )
  const menu = (
    <ClusterMenu
      profile={profile}
      ended={ended}
      now={now}
      compact={!hasSide}
      onAdd={onAddCluster}
      onPlace={setPlace}
      onTrouble={setTrouble}
    />
  )
  const notices = <Notices session={session} trouble={trouble} now={now} onSignIn={signIn} onTrouble={setTrouble} />
  const engine: { status: Status; words: string } = ended
    ? { status: 'waiting', words: text.side.signedOut }
    : proxy.reachable
      ? { status: 'open', words: text.side.engine(entries.counts.running) }
      : { status: 'trouble', words: text.side.offline }

  return (
    <div className={css['page']}>
      {hasSide && (
        <Sidebar place={place} counts={entries.counts} engine={engine} onPlace={setPlace} onTrouble={setTrouble}>
          {menu}
        </Sidebar>
      )}
      {isView(place) && (
        <DatabasesPage
          profile={profile}
          entries={entries}
          view={place}
          selection={selection}
          tunnels={tunnelsNow}
          hasDetails={hasDetails}
          menu={hasSide ? undefined : menu}
          paletteButton={
            <button
              type="button"
              className={css['search']}
              aria-label={`${text.list.palette} ${text.palette.key(isMac)}`}
              aria-keyshortcuts="Control+K Meta+K"
              onClick={() => setPalette(true)}
            >
              <Kbd>{text.palette.key(isMac)}</Kbd>
            </button>
          }
          notices={notices}
          onCopy={copy}
          onView={setPlace}
          onSignIn={signIn}
        />
      )}
      {place === 'settings' && <SettingsPage notices={notices} onBack={hasSide ? undefined : () => setPlace('databases')} />}
      {place === 'log' && <LogPage notices={notices} onBack={hasSide ? undefined : () => setPlace('databases')} />}
      {palette && (
        <Palette
          session={session}
          entries={entries}
          selection={selection}
          tunnels={tunnelsNow}
          onCopy={copy}
          onPlace={setPlace}
          onSignIn={signIn}
          onAdd={onAddCluster}
          onTrouble={setTrouble}
          onClose={() => setPalette(false)}
        />
      )}
      {signInAfter === profile.validUntil && (
        <SignInDialog profile={profile} waiting={ended ? session.waiting : null} onClose={() => setSignInAfter(undefined)} />
      )}
      <p className={css['said']} role="status">
        {said}
      </p>
    </div>
  )
}

/** A word that stands for a moment at the foot of the window. */
function useSaid(): [string, (words: string) => void] {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (said === '') return
    const timer = setTimeout(() => setSaid(''), 1600)
    return () => clearTimeout(timer)
  }, [said])
  return [said, setSaid]
}
