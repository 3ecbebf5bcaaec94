import { useCallback, useDeferredValue, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Profile } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { SearchField } from '../../parts/SearchField.tsx'
import { text } from '../../words.ts'
import type { Selection } from '../frame/use-selection.ts'
import type { View } from '../places.ts'
import { DatabaseGrid } from './DatabaseGrid.tsx'
import css from './DatabasesPage.module.css'
import { DetailsPanel } from './details/DetailsPanel.tsx'
import { addressOf, type Entry } from './entries.ts'
import { GroupBy } from './GroupBy.tsx'
import { NothingToList } from './NothingToList.tsx'
import { labelKeys } from './sections.ts'
import { useFound, type Entries } from './use-found.ts'
import { useKeys } from './use-keys.ts'
import type { Tunnels } from './use-tunnels.ts'

interface DatabasesPageProps {
  readonly profile: Profile
  readonly entries: Entries
  readonly view: View
  readonly selection: Selection
  readonly tunnels: Tunnels
  /** Wide enough for the details beside the list. */
  readonly hasDetails: boolean
  /** The cluster card, where there is no sidebar for it. */
  readonly menu: ReactNode
  readonly paletteButton: ReactNode
  readonly notices: ReactNode
  readonly onCopy: (value: string) => Promise<boolean>
  readonly onView: (view: View) => void
  readonly onSignIn: () => void
}

/** The sheet waits for a second click, which would else land on it instead of the row. */
const DOUBLE_CLICK_MS = 250

export function DatabasesPage(props: DatabasesPageProps) {
  const { profile, entries, view, selection, tunnels, hasDetails, menu, paletteButton, notices, onCopy, onView, onSignIn } = props
  const ask = useAsk()
  const [databases, proxy, { groupBy }] = [useSlice('databases'), useSlice('proxy'), useSlice('settings')]
  const [search, setSearch] = useState('')
  const searchRef = useRef<HTMLInputElement>(null)
  const gridRef = useRef<HTMLDivElement>(null)
  const covering = useRef<ReturnType<typeof setTimeout>>(undefined)
  const found = useFound(entries, view, search, groupBy)
  const keys = useMemo(() => labelKeys(databases.items), [databases.items])
  const { chosen, overlay, setOverlay, choose, act, open, showDetails } = selection
  const entry = useMemo(() => {
    const line = found.lines.find(one => one.key === chosen) ?? found.lines[1]
    return line?.kind === 'entry' ? line.entry : undefined
  }, [chosen, found.lines])

  // The list answers each key at once; the details follow when there is time.
  const detailed = useDeferredValue(entry)

  const onChoose = useCallback(
    (one: Entry): void => {
      choose(one.database.id)
      clearTimeout(covering.current)
      if (!hasDetails) covering.current = setTimeout(() => setOverlay(true), DOUBLE_CLICK_MS)
    },
    [choose, hasDetails, setOverlay],
  )
  const onOpen = useCallback(
    (one: Entry): void => {
      clearTimeout(covering.current)
      open(one)
    },
    [open],
  )
  const onCopyAddress = useCallback((one: Entry): void => void onCopy(addressOf(one)), [onCopy])
  const toList = useCallback((): void => {
    setOverlay(false)
    gridRef.current?.focus({ preventScroll: true })
  }, [setOverlay])
  useKeys(searchRef, gridRef)
  const look = (): void => void ask('databases.refresh', {}, selection.onTrouble)

  return (
    <>
      <main className={css['list']}>
        <h1 className="heard">{text.list.title}</h1>
        {notices}
        <div className={css['bar']}>
          {menu}
          <SearchField
            value={search}
            placeholder={text.list.search(found.total)}
            label={text.list.searchLabel}
            inputRef={searchRef}
            onText={setSearch}
            onLeave={toList}
          />
          <div className={css['group']}>
            <GroupBy value={groupBy} keys={keys} onPick={key => void ask('settings.write', { groupBy: key }, selection.onTrouble)} />
          </div>
          {paletteButton}
        </div>
        {found.shown > 0 ? (
          <DatabaseGrid
            lines={found.lines}
            active={entry?.database.id}
            unreachable={proxy.reachable ? undefined : profile.proxy}
            gridRef={gridRef}
            onActivate={choose}
            onChoose={onChoose}
            onAct={act}
            onOpen={onOpen}
            onFavour={tunnels.favour}
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
              onView('databases')
            }}
            onLook={look}
          />
        )}
        <p className={css['count']} role="status">
          {search === '' ? '' : text.list.shown(found.shown, found.total)}
        </p>
      </main>
      {(hasDetails || (detailed !== undefined && overlay)) && (
        <Details hasDetails={hasDetails} onLeave={toList}>
          {detailed === undefined ? (
            <p className={css['none']}>{text.details.none}</p>
          ) : (
            <DetailsPanel
              key={detailed.database.id}
              entry={detailed}
              missing={selection.missing === detailed.database.id}
              titleRef={selection.titleRef}
              tunnels={tunnels}
              onAct={act}
              onOpen={open}
              onCopy={onCopy}
              onSignIn={onSignIn}
              onClose={hasDetails ? undefined : toList}
            />
          )}
        </Details>
      )}
    </>
  )
}

interface DetailsProps {
  readonly hasDetails: boolean
  readonly children: ReactNode
  readonly onLeave: () => void
}

/** The third column, or a sheet over the list. */
function Details({ hasDetails, children, onLeave }: DetailsProps) {
  return (
    <aside
      className={css['details']}
      data-overlay={!hasDetails}
      aria-label={text.details.title}
      onKeyDown={event => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        event.preventDefault()
        onLeave()
      }}
    >
      {children}
    </aside>
  )
}
