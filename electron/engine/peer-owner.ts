import type { Socket } from 'node:net'
import { lookUpDarwin } from './peer-owner-darwin.ts'
import { lookUpLinux } from './peer-owner-linux.ts'
import { lookUpWindows } from './peer-owner-windows.ts'

/**
 * Whose program is at the other end of a connection to a loopback address. Loopback is no wall between the users of a
 * machine, and TCP has nothing that tells the peer's owner: the system's table of connections does.
 */

export interface LocalProgram {
  readonly pid: number
  readonly program: string
}

/** A connection as its program sees it: `client` is its own end. */
export interface Peer {
  readonly clientAddress: string
  readonly clientPort: number
  readonly serverAddress: string
  readonly serverPort: number
}

export interface Found {
  /** The same user as this process. */
  readonly isOurs: boolean
  /** May take time; null where the system does not tell. */
  program(): Promise<LocalProgram | null>
}

/**
 * Looks up many at once, because each look costs the same.
 * @returns one for each peer; undefined = not in the table
 * @throws when the system has no such table
 */
export type LookUp = (peers: readonly Peer[]) => Promise<readonly (Found | undefined)[]>

export type Owner =
  | { readonly state: 'ours'; readonly from: Promise<LocalProgram | null> }
  | { readonly state: 'other' }
  /** The table shows nobody: it went already, or somebody hides. */
  | { readonly state: 'nobody' }

export interface PeerOwners {
  ownerOf(socket: Socket): Promise<Owner>
}

const OURS: Owner = { state: 'ours', from: Promise.resolve(null) }
/** The table is no snapshot: a line can be missed while others come and go. */
const TRIES = 3
const AGAIN_MS = 5

interface Question {
  readonly peer: Peer
  readonly answer: (owner: Owner) => void
  tries: number
}

const NO_TABLE: LookUp = () => Promise.reject(Object.assign(new Error('no table of connections on this system'), { code: 'ENOTSUP' }))

function lookUpOf(platform: NodeJS.Platform): LookUp {
  if (platform === 'linux') return lookUpLinux
  if (platform === 'darwin') return lookUpDarwin
  return platform === 'win32' ? lookUpWindows : NO_TABLE
}

/** A look that failed for once is no reason to let anybody in. */
const hasNoTable = (thrown: unknown): boolean => ['ENOENT', 'EACCES', 'ENOTSUP'].includes(String((thrown as NodeJS.ErrnoException).code))

/**
 * @param untold the table cannot be read at all: everybody is let in then, and this is told, once
 */
export function openPeerOwners(untold: (error: unknown) => void, lookUp: LookUp = lookUpOf(process.platform)): PeerOwners {
  let waiting: Question[] = []
  let looking = false
  let wasUntold = false

  const answerAll = async (questions: readonly Question[]): Promise<void> => {
    let found: readonly (Found | undefined)[]
    try {
      found = await lookUp(questions.map(({ peer }) => peer))
    } catch (thrown) {
      if (!hasNoTable(thrown)) found = []
      else {
        if (!wasUntold) untold(thrown)
        wasUntold = true
        for (const { answer } of questions) answer(OURS)
        return
      }
    }
    const missed: Question[] = []
    for (const [at, question] of questions.entries()) {
      const owner = found[at]
      if (owner !== undefined) question.answer(owner.isOurs ? { state: 'ours', from: owner.program() } : { state: 'other' })
      else if (++question.tries < TRIES) missed.push(question)
      else question.answer({ state: 'nobody' })
    }
    if (missed.length > 0) setTimeout(() => ask(...missed), AGAIN_MS)
  }
  const ask = (...questions: Question[]): void => {
    waiting.push(...questions)
    if (!looking) void look()
  }
  /** One look at a time: who comes meanwhile shares the next one. */
  const look = async (): Promise<void> => {
    looking = true
    while (waiting.length > 0) {
      const questions = waiting
      waiting = []
      await answerAll(questions)
    }
    looking = false
  }

  return {
    ownerOf(socket) {
      const { remoteAddress, remotePort, localAddress, localPort } = socket
      // A unix socket or pipe: the system keeps others out. Or it is gone already, and nobody will hear the answer.
      if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined)
        return Promise.resolve(OURS)
      const peer = { clientAddress: remoteAddress, clientPort: remotePort, serverAddress: localAddress, serverPort: localPort }
      return new Promise(answer => ask({ peer, answer, tries: 0 }))
    },
  }
}
