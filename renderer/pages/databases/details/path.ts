import { ERRORS, type ErrorCode, type Failure } from '../../../../shared/errors.ts'
import type { Connection, ProxyHealth, Session } from '../../../../shared/state.ts'
import type { Status } from '../../../parts/StateDot.tsx'
import { failureWords, shortAddress, shown, text } from '../../../words.ts'
import { portOf, type Entry } from '../entries.ts'

export const HOPS = ['client', 'local', 'proxy', 'agent', 'certificate'] as const
export type HopName = (typeof HOPS)[number]

/** The one thing that a person can do about a broken hop. */
export type Remedy = 'again' | 'sign-in' | 'other-port'

export interface Hop {
  readonly hop: HopName
  readonly name: string
  /** An address or a name from a protocol. */
  readonly mono: boolean
  readonly note: string
  readonly status: Status
  /** Why it is broken, in whole sentences. */
  readonly reason: string | null
  readonly remedy: Remedy | null
}

export interface PathFacts {
  readonly entry: Entry
  readonly session: Exclude<Session, { state: 'none' }>
  readonly proxy: ProxyHealth
  readonly connections: readonly Connection[]
  readonly now: number
}

const words = text.path

const AT: Partial<Record<ErrorCode, HopName>> = {
  'tunnel/port-in-use': 'local',
  'tunnel/address': 'local',
  'state/unwritable': 'local',
  'state/disk-full': 'local',
  'tunnel/wrong-protocol': 'client',
  'tunnel/upstream-closed': 'agent',
  'resource/not-found': 'agent',
  'resource/unsupported': 'agent',
  'access/denied': 'agent',
  'vault/locked': 'certificate',
  'usage/choose': 'certificate',
}

/** Where on the way a failure belongs. What nobody can place is the proxy's: everything beyond this computer starts there. */
export function hopOf(code: ErrorCode): HopName {
  return AT[code] ?? (code.startsWith('login/') ? 'certificate' : 'proxy')
}

/** From the person's program to the certificate that opens the door, each with its own state. */
export function pathOf(facts: PathFacts): readonly Hop[] {
  const { entry, session, proxy } = facts
  const failure = brokenBy(entry)
  const broken = failure === null ? null : hopOf(failure.code)
  const hops = [client(facts), local(entry), atProxy(facts), agent(entry), certificate(facts)]
  return hops.map((hop): Hop => {
    if (failure !== null && hop.hop === broken) return breakAt(hop, failure, canRestart(entry))
    if (hop.hop === 'certificate' && session.state === 'ended') return endedAt(hop, entry)
    // Open tunnels go on by themselves when it is back: nothing to press.
    if (hop.hop === 'proxy' && !proxy.reachable) {
      const why = proxy.failure === null ? '' : `${failureWords(proxy.failure).what} `
      return { ...hop, status: 'failed', note: words.unreachable, reason: `${why}${text.list.unreachableNext}` }
    }
    return hop
  })
}

/** Trying again starts the tunnel anew, which would end the connections that work. */
function canRestart({ tunnel }: Entry): boolean {
  return tunnel?.state !== 'open' || tunnel.connections === 0
}

function endedAt(hop: Bare, { tunnel }: Entry): Hop {
  const waiting = tunnel?.state === 'open' ? tunnel.waiting : 0
  const reason = waiting > 0 ? text.signIn.againLead(waiting) : text.banner.idle
  return { ...hop, status: 'failed', note: words.ended, reason, remedy: 'sign-in' }
}

function brokenBy({ tunnel }: Entry): Failure | null {
  if (tunnel?.state === 'failed') return tunnel.failure
  return tunnel?.state === 'open' ? tunnel.trouble : null
}

function breakAt(hop: Bare, failure: Failure, restartable: boolean): Hop {
  const { what, why, next } = failureWords(failure)
  const retry = ERRORS[failure.code].retry
  const remedy = retry === 'log-in' ? 'sign-in' : retry === 'choose-port' ? 'other-port' : retry === 'again' && restartable ? 'again' : null
  const note = failure.code === 'tunnel/port-in-use' ? words.taken : words.broken
  return { ...hop, status: 'failed', note, reason: `${what} ${why} ${next}`, remedy }
}

type Bare = Omit<Hop, 'reason' | 'remedy'> & { readonly reason: null; readonly remedy: null }
const hop = (name: HopName, title: string, note: string, status: Status, mono = false): Bare => ({
  hop: name,
  name: title,
  mono,
  note,
  status,
  reason: null,
  remedy: null,
})

function client({ entry: { tunnel }, connections }: PathFacts): Bare {
  const open = tunnel?.state === 'open' ? tunnel : undefined
  const programs = [...new Set(connections.flatMap(one => (one.from === null ? [] : [one.from.program])))].map(shown)
  const [first, second] = programs
  const name = first === undefined ? words.noProgram : programs.length > 2 ? `${first}, ${second} …` : programs.join(', ')
  if (open === undefined || open.connections === 0) return hop('client', name, words.notYet, 'idle')
  return hop('client', name, text.details.connections(open.connections), open.waiting > 0 ? 'waiting' : 'open')
}

function local(entry: Entry): Bare {
  const name = words.localhost(portOf(entry))
  switch (entry.tunnel?.state) {
    case 'open':
      return hop('local', name, words.listening, 'open', true)
    case 'starting':
      return hop('local', name, words.starting, 'starting', true)
    default:
      return hop('local', name, words.notListening, 'idle', true)
  }
}

/** The plain name of the protocol, as routers and packet captures show it. */
function atProxy({ entry: { database, tunnel }, session }: PathFacts): Bare {
  const alpn = (tunnel ?? database).alpn.at(-1) ?? ''
  return hop('proxy', shown(shortAddress(session.profile.proxy)), alpn, tunnel?.state === 'open' ? 'open' : 'idle')
}

function agent({ database, tunnel }: Entry): Bare {
  const [first, ...others] = database.agents
  const name = first === undefined ? words.agents : words.agent(shown(first), others.length)
  const reached = tunnel?.state === 'open' && tunnel.bytesIn > 0
  return hop('agent', name, reached ? words.reached : words.ready, reached ? 'open' : 'idle')
}

function certificate({ entry: { tunnel }, session, now }: PathFacts): Bare {
  if (tunnel?.mode === 'passthrough') return hop('certificate', words.ownCertificate, words.ownNote, 'idle')
  const name = words.certificate(shown(session.profile.user))
  const until = tunnel?.state === 'open' ? tunnel.certificateUntil : null
  if (until === null || until <= now) return hop('certificate', name, words.atFirst, 'idle')
  return hop('certificate', name, words.valid(until - now), 'open')
}
