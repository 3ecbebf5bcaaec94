import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useMemo, useRef, useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { Session } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { text } from '../../words.ts'
import { useTools } from '../databases/details/use-tools.ts'
import { addressOf } from '../databases/entries.ts'
import { labelKeys } from '../databases/sections.ts'
import type { Entries } from '../databases/use-found.ts'
import type { Tunnels } from '../databases/use-tunnels.ts'
import type { Selection } from '../frame/use-selection.ts'
import type { Place } from '../places.ts'
import { commonCommands, databaseCommands, databasesFor, matching, type CommandGroup, type Deed } from './commands.ts'
import css from './Palette.module.css'
import { PaletteLine } from './PaletteLine.tsx'

interface PaletteProps {
  readonly session: Exclude<Session, { state: 'none' }>
  readonly entries: Entries
  readonly selection: Selection
  readonly tunnels: Tunnels
  readonly onCopy: (value: string) => Promise<boolean>
  readonly onPlace: (place: Place) => void
  readonly onSignIn: () => void
  readonly onAdd: () => void
  readonly onTrouble: (failure: Failure) => void
  readonly onClose: () => void
}

const words = text.palette

/** Everything that can be done, a few letters away. */
export function Palette(props: PaletteProps) {
  const { session, entries, selection, tunnels, onCopy, onPlace, onSignIn, onAdd, onTrouble, onClose } = props
  const ask = useAsk()
  const [databases, profiles, clusters, settings] = [
    useSlice('databases'),
    useSlice('profiles'),
    useSlice('clusters'),
    useSlice('settings'),
  ]
  const [search, setSearch] = useState('')
  /** The line that somebody moved to; null = the first, also when a better one comes in. */
  const [picked, setPicked] = useState<string | null>(null)
  const moved = useRef(false)
  const found = useMemo(() => databasesFor(entries, search), [entries, search])
  const keys = useMemo(() => labelKeys(databases.items), [databases.items])
  const tools = useTools(found[0]?.database.id, null)
  const groups = useMemo((): readonly CommandGroup[] => {
    const tool = tools?.find(one => one.found)
    const common = matching(commonCommands({ state: { session, profiles, clusters, settings }, labelKeys: keys }), search)
    return found.length === 0 ? common : [{ title: words.databases, commands: databaseCommands(found, tool) }, ...common]
  }, [clusters, found, keys, profiles, search, session, settings, tools])
  const all = groups.flatMap(group => group.commands)
  const value = picked ?? all[0]?.key ?? ''

  const carryOut = (deed: Deed): void => {
    onClose()
    switch (deed.do) {
      case 'open':
        return selection.open(deed.entry, deed.tool)
      case 'copy':
        return void onCopy(addressOf(deed.entry))
      case 'act':
        return selection.act(deed.entry)
      case 'details':
        onPlace('databases')
        return selection.showDetails(deed.entry)
      case 'favour':
        return tunnels.favour(deed.entry, deed.on)
      case 'go':
        return onPlace(deed.place)
      case 'refresh':
        return void ask('databases.refresh', {}, onTrouble)
      case 'sign-in':
        return onSignIn()
      case 'sign-out':
        return void ask('login.end', { proxy: session.profile.proxy }, onTrouble)
      case 'add':
        return onAdd()
      case 'export-log':
        return void ask('log.export', {}, onTrouble)
      case 'use-profile':
        return void ask('profile.use', { proxy: deed.proxy }, onTrouble)
      case 'use-cluster':
        return void ask('cluster.use', { cluster: deed.cluster }, onTrouble)
      case 'settings':
        return void ask('settings.write', deed.change, onTrouble)
    }
  }

  return (
    <Dialog.Root open onOpenChange={open => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className={css['overlay']} />
        <Dialog.Content className={css['dialog']} data-palette="true" aria-describedby={undefined}>
          <Dialog.Title className="heard">{words.title}</Dialog.Title>
          <Command
            label={words.title}
            shouldFilter={false}
            value={value}
            onValueChange={next => moved.current && setPicked(next)}
            onPointerMove={() => (moved.current = true)}
            onKeyDown={event => {
              if (event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End') moved.current = true
              const target = all.find(one => one.key === value)?.deed
              const selected = window.getSelection()?.toString() ?? ''
              if ((event.ctrlKey || event.metaKey) && event.key === 'c' && selected === '' && target !== undefined && 'entry' in target) {
                event.preventDefault()
                carryOut({ do: 'copy', entry: target.entry })
              }
            }}
          >
            <Command.Input
              className={css['input']}
              value={search}
              onValueChange={typed => {
                moved.current = false
                setPicked(null)
                setSearch(typed)
              }}
              placeholder={words.placeholder}
              maxLength={200}
            />
            <Command.List className={css['list']} label={words.title}>
              {groups.map(group => (
                <Command.Group key={group.title} heading={group.title} className={css['group']}>
                  {group.commands.map(one => (
                    <PaletteLine key={one.key} command={one} active={one.key === value} onSelect={() => carryOut(one.deed)} />
                  ))}
                </Command.Group>
              ))}
              {groups.length === 0 && <Command.Empty className={css['nothing']}>{words.nothing}</Command.Empty>}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
