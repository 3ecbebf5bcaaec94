import { useCallback, useMemo, useState } from 'react'
import type { Ask } from '../../../shared/contract.ts'
import { ERRORS, type Failure } from '../../../shared/errors.ts'
import type { DatabaseId } from '../../../shared/ids.ts'
import { useAsk, useStateNow } from '../../engine.ts'
import type { Choice } from './choice.ts'
import { actionOf, type Entry } from './entries.ts'

export interface Tunnels {
  readonly choiceOf: (id: DatabaseId) => Choice
  readonly choose: (id: DatabaseId, choice: Choice) => void
  /** What the one button does. @returns false when a user or database must be chosen first */
  readonly act: (entry: Entry) => boolean
  /** Connects where nothing runs, then opens `tool`; without one, the last used, the first found, or none. @returns like `act` */
  readonly open: (entry: Entry, tool?: string) => boolean
  /** Starts with what is chosen now; what runs is replaced. */
  readonly reconnect: (entry: Entry) => void
  /** The same again, on the same address. */
  readonly restart: (entry: Entry) => void
  readonly onOtherPort: (entry: Entry) => void
  readonly closeConnection: (tunnel: string, connection: number) => void
  readonly favour: (entry: Entry, on: boolean) => void
}

const NO_CHOICE: Choice = {}

/** Starts and stops tunnels. A failed start that needs a sign-in asks for one; others go to `onTrouble`. */
export function useTunnels(onTrouble: (failure: Failure) => void, onSignIn: () => void): Tunnels {
  const ask = useAsk()
  const stateNow = useStateNow()
  const [choices, setChoices] = useState<ReadonlyMap<DatabaseId, Choice>>(new Map())

  const failed = useCallback(
    (failure: Failure): void => {
      if (ERRORS[failure.code].retry === 'log-in') onSignIn()
      else onTrouble(failure)
    },
    [onSignIn, onTrouble],
  )
  /** For a start: its row says so already, beside Try again, unless a sign-in is needed. */
  const failedOf = useCallback(
    (id: DatabaseId) =>
      (failure: Failure): void => {
        const told = stateNow()?.tunnels.some(tunnel => tunnel.resource === id && tunnel.state === 'failed') === true
        if (!told || ERRORS[failure.code].retry === 'log-in') failed(failure)
      },
    [failed, stateNow],
  )

  const start = useCallback(
    ({ database }: Entry, more: Pick<Ask<'tunnel.start'>, 'port'> = {}) =>
      ask('tunnel.start', { resource: database.id, ...choices.get(database.id), ...more }, failedOf(database.id)),
    [ask, choices, failedOf],
  )
  const isComplete = useCallback(
    ({ database }: Entry): boolean => {
      const choice = choices.get(database.id) ?? NO_CHOICE
      return (choice.databaseUser ?? database.databaseUser) !== null && (choice.databaseName ?? database.databaseName) !== null
    },
    [choices],
  )

  const act = useCallback(
    (entry: Entry): boolean => {
      switch (actionOf(entry.status)) {
        case 'connect':
        case 'again':
          if (!isComplete(entry)) return false
          void start(entry)
          return true
        case 'cancel':
        case 'disconnect':
          if (entry.tunnel !== undefined) void ask('tunnel.stop', { tunnel: entry.tunnel.id }, failed)
          return true
        case 'closing':
          return true
      }
    },
    [ask, failed, isComplete, start],
  )

  const open = useCallback(
    (entry: Entry, tool?: string): boolean => {
      const runs = entry.tunnel !== undefined && entry.status !== 'failed'
      if (!runs && !isComplete(entry)) return false
      const { id, lastTool } = entry.database
      const go = async (): Promise<void> => {
        // The engine would start it too, but knows nothing of what was chosen here.
        if (!runs && (await start(entry)) === undefined) return
        const chosen = tool ?? lastTool ?? (await ask('tools.list', { resource: id }, failed))?.tools.find(one => one.found)?.id
        if (chosen !== undefined) await ask('tools.open', { resource: id, tool: chosen }, failed)
      }
      void go()
      return true
    },
    [ask, failed, isComplete, start],
  )

  return useMemo(
    () => ({
      choiceOf: id => choices.get(id) ?? NO_CHOICE,
      choose: (id, choice) => setChoices(before => new Map(before).set(id, choice)),
      act,
      open,
      reconnect: entry => void start(entry),
      restart: ({ database, tunnel }) => {
        if (tunnel !== undefined) void ask('tunnel.restart', { tunnel: tunnel.id }, failedOf(database.id))
      },
      onOtherPort: entry => void start(entry, { port: 0 }),
      closeConnection: (tunnel, connection) => void ask('connection.close', { tunnel, connection }, failed),
      favour: ({ database }, on) => void ask('favourite.set', { resource: database.id, on }, onTrouble),
    }),
    [act, ask, choices, failed, failedOf, onTrouble, open, start],
  )
}
