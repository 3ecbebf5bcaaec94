import { useCallback, useState } from 'react'
import { ERRORS, type Failure } from '../../../shared/errors.ts'
import type { DatabaseId } from '../../../shared/ids.ts'
import { useAsk, useStateNow } from '../../engine.ts'
import type { Choice } from './DetailsPanel.tsx'
import { actionOf, type Entry } from './entries.ts'

interface Tunnels {
  readonly choiceOf: (id: DatabaseId) => Choice
  readonly choose: (id: DatabaseId, choice: Choice) => void
  /** What the one button does. @returns false when a user or database must be chosen first */
  readonly act: (entry: Entry) => boolean
  readonly reconnect: (entry: Entry) => void
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

  const start = useCallback(
    (entry: Entry): void => {
      const choice = choices.get(entry.database.id) ?? NO_CHOICE
      void ask('tunnel.start', { resource: entry.database.id, ...choice }, failure => {
        // Its row says so already, beside Try again.
        const told = stateNow()?.tunnels.some(tunnel => tunnel.resource === entry.database.id && tunnel.state === 'failed') === true
        if (!told || ERRORS[failure.code].retry === 'log-in') failed(failure)
      })
    },
    [ask, choices, failed, stateNow],
  )

  const stop = useCallback(
    (entry: Entry): void => {
      if (entry.tunnel !== undefined) void ask('tunnel.stop', { tunnel: entry.tunnel.id }, failed)
    },
    [ask, failed],
  )

  const act = useCallback(
    (entry: Entry): boolean => {
      const { database, status } = entry
      switch (actionOf(status)) {
        case 'connect':
        case 'again': {
          const choice = choices.get(database.id) ?? NO_CHOICE
          if ((choice.databaseUser ?? database.databaseUser) === null || (choice.databaseName ?? database.databaseName) === null)
            return false
          start(entry)
          return true
        }
        case 'cancel':
        case 'disconnect':
          stop(entry)
          return true
        case 'closing':
          return true
      }
    },
    [choices, start, stop],
  )

  return {
    choiceOf: id => choices.get(id) ?? NO_CHOICE,
    choose: (id, choice) => setChoices(before => new Map(before).set(id, choice)),
    act,
    // Starting with other values replaces what runs.
    reconnect: start,
  }
}
