import { formatAddress, parseAddress } from '../shared/address.ts'
import type { ErrorCode, Facts, Failure } from '../shared/errors.ts'
import { replaceUnprintable } from '../shared/printable.ts'
import { DATABASE_PROTOCOLS } from '../shared/protocols.ts'
import { wordsFor, type Words } from '../shared/words.ts'

/** All text of the window, beside what shared/words.ts says for failures. */

const count = (n: number, one: string, many = `${one}s`): string => `${n.toLocaleString('en')} ${n === 1 ? one : many}`

/** `7 h 42 m`, `12 m`, `under a minute`. */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return 'under a minute'
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60]
  if (days > 0) return hours === 0 ? `${days} d` : `${days} d ${hours} h`
  if (hours === 0) return `${rest} m`
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} m`
}

function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${count(minutes, 'minute')} ago`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${count(hours, 'hour')} ago` : `${count(Math.floor(hours / 24), 'day')} ago`
}

const clock = (ms: number): string => new Date(ms).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })

export const text = {
  loading: 'Starting…',
  tryAgain: 'Try again',
  dismiss: 'Dismiss',
  cancel: 'Cancel',
  close: 'Close',
  back: 'Back',
  copy: 'Copy',
  copied: 'Copied',
  copyThing: (thing: string) => `Copy ${thing.toLowerCase()}`,
  unusable: 'This cannot be used.',
  copiedText: (what: string) => `Copied ${what}`,

  welcome: {
    title: 'Connect to your cluster',
    lead: 'One address is all Portico needs. Everything behind it gets a local port.',
    address: 'Address of your cluster',
    placeholder: 'proxy.example.com',
    notAnAddress: 'This is not an address. Type a host name, like proxy.example.com or proxy.example.com:3080.',
    go: 'Continue',
    looking: 'Looking…',
    or: 'Or',
    lab: 'Try it with a lab',
    labLead: 'A small cluster on this computer, with a real PostgreSQL',
    labStart: 'Start',
    labStarting: 'Starting…',
    theLab: 'the lab',
    labFirst: 'The first start takes up to half a minute.',
    labUse: 'Use',
    known: (user: string, ended: boolean) => (ended ? `${user} · session ended` : `Signed in as ${user}`),
    use: 'Use',
    signIn: 'Sign in',
  },

  signIn: {
    title: (cluster: string) => `Sign in to ${cluster}`,
    user: 'User name',
    password: 'Password',
    code: 'One-time code',
    codeHint: 'Six digits from your authenticator app',
    go: 'Sign in',
    going: 'Signing in…',
    goLab: 'Sign in to the lab',
    unsupported: (cluster: string, wants: string) => `${cluster} asks for ${wants}`,
    unsupportedNext: 'Portico cannot do this yet. Ask for a local user with a password and a one-time code.',
    again: 'Sign in again',
    againLead: (n: number) =>
      n === 0 ? 'Your databases are a password away.' : `${count(n, 'connection')} ${n === 1 ? 'waits' : 'wait'} and will go on.`,
  },

  trust: {
    title: (proxy: string) => `${proxy} is not known to this computer`,
    why: 'Its certificate was made by an authority that this computer does not know.',
    next: 'If this is your cluster, ask its administrator for the file of that authority and choose it here.',
    noHelp: 'The file that you chose does not vouch for this certificate.',
    fingerprint: 'Fingerprint of its certificate (SHA-256)',
    compare: 'Compare it with the one your administrator tells you.',
    issuer: 'Made by',
    choose: 'Choose a file to trust…',
    choosing: 'Choosing…',
  },

  list: {
    title: 'Databases',
    search: (n: number) => `Search ${count(n, 'database')} by name, label or protocol`,
    searchLabel: 'Search databases',
    clear: 'Clear search',
    running: 'Running',
    databases: 'Databases',
    shown: (shown: number, total: number) =>
      `${shown.toLocaleString('en')} of ${total.toLocaleString('en')} shown, ${(total - shown).toLocaleString('en')} hidden by the search`,
    nothing: 'No database matches',
    nothingNext: 'Try fewer words, or filters like env:prod, proto:postgres and is:running.',
    noneRunning: 'Nothing is running',
    noneRunningNext: 'Connect a database and it shows up here with its local address.',
    showAll: 'Show all databases',
    empty: 'No databases here yet',
    emptyNext: (cluster: string) => `${cluster} lists none for your roles. Ask its administrator for access, then look again.`,
    look: 'Look again',
    loading: 'Looking for databases…',
    failed: 'The list of databases could not be read',
    old: 'The list may be out of date.',
    unreachable: (proxy: string, since: number) => `${proxy} has not answered since ${clock(since)}.`,
    unreachableNext: 'Open tunnels stay and go on when it is back. Portico keeps trying.',
  },

  action: { connect: 'Connect', cancel: 'Cancel', disconnect: 'Disconnect', again: 'Try again', closing: 'Closing…' },

  status: {
    idle: 'Not connected',
    starting: 'Connecting',
    open: 'Connected',
    waiting: 'Waiting for sign-in',
    trouble: 'Trouble',
    stopping: 'Closing',
    failed: 'Failed',
  },

  row: {
    starting: 'Opening the local address…',
    waitingForProxy: (proxy: string) => `Waiting for the proxy at ${proxy}`,
    stopping: 'Closing its connections…',
    waiting: (n: number) => `${count(n, 'connection')} ${n === 1 ? 'waits' : 'wait'} for your sign-in`,
    noLabels: 'No labels',
  },

  details: {
    title: 'Details',
    none: 'Choose a database to see how to reach it.',
    connections: (n: number) => (n === 0 ? 'no connections' : count(n, 'connection')),
    host: 'Host',
    port: 'Port',
    user: 'User',
    database: 'Database',
    password: 'Password',
    passwordNone: 'none needed',
    url: 'URL',
    jdbc: 'JDBC',
    command: 'Command',
    socket: 'Socket',
    strings: 'Paste into your program',
    labels: 'Labels',
    choose: 'Choose…',
    other: 'Other…',
    chooseFirst: (what: string) => `Choose a ${what} before you connect.`,
    nextTime: (user: string, name: string) => `Runs as ${user} on ${name} until you reconnect.`,
    reconnect: 'Reconnect',
    reconnectCloses: (n: number) => `Reconnecting closes ${count(n, 'connection')}.`,
    notYet: 'Connect, then point any program at this address.',
  },

  side: {
    label: 'Cluster and views',
    cluster: 'Cluster',
    menu: (cluster: string) => `Cluster ${cluster}`,
    left: (ms: number) => `${duration(ms)} left`,
    ended: 'session ended',
    resources: 'Resources',
    running: 'Running',
    databases: 'Databases',
    switchTo: 'Switch cluster',
    add: 'Add a cluster…',
    signOut: 'Sign out',
    profile: (user: string, ended: boolean) => (ended ? `${user} · session ended` : user),
    engine: (tunnels: number) => (tunnels === 0 ? 'Engine running' : `Engine running · ${count(tunnels, 'tunnel')}`),
    offline: 'Cluster does not answer',
    signedOut: 'Waiting for sign-in',
  },

  banner: {
    ended: (ms: number) => `Your session ended ${ago(ms)}.`,
    waiting: (connections: number, tunnels: number) =>
      `${count(connections, 'connection')} on ${count(tunnels, 'tunnel')} ${connections === 1 ? 'is' : 'are'} waiting and will go on.`,
    idle: 'Sign in to connect again.',
    signIn: 'Sign in',
    labStarting: 'The lab is starting.',
    labStopped: 'The lab has stopped.',
    labNext: 'Tunnels stay and go on when it is back.',
    labStart: 'Start the lab',
  },

  broken: { title: 'Portico cannot show its state' },
} as const

/** A server's text as it may be drawn: what would hide or turn around other characters is replaced by a mark. */
export function shown(name: string): string {
  return replaceUnprintable(name, () => '\ufffd')
}

/** A proxy as people call it, whatever form was typed: `host`, or `host:port` where the port is not 443. */
export function shortAddress(typed: string): string {
  const parsed = parseAddress(typed, 443)
  return parsed === undefined ? typed : formatAddress(parsed).replace(/:443$/, '')
}

export function protocolTitle(dbProtocol: string): string {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]!.title : shown(dbProtocol)
}

export function protocolTile(dbProtocol: string): string {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]!.tile : shown(dbProtocol).slice(0, 2)
}

/** What to do next, where shared/words.ts names a command: in the window there is a button for it. */
const NEXT: Partial<Record<ErrorCode, string | ((facts: Facts) => string)>> = {
  'usage/invalid': 'check it and try again',
  'usage/choose': f => `choose a ${String(f['what'] ?? 'value')} in the details`,
  'login/required': 'sign in',
  'login/expired': 'sign in again',
  'proxy/untrusted': 'choose the file of its authority to trust it',
  'resource/not-found': 'look again, or ask for access',
  'resource/unsupported': 'update Portico',
  'profile/not-found': 'add the cluster again',
  'tunnel/port-in-use': 'end that program, then try again',
  'tunnel/not-found': 'connect again',
  'lab/failed': 'try again',
  'engine/running': 'use that one, or end it first',
  'engine/gone': 'try again',
  'engine/failed': 'quit Portico and open it anew',
  'cluster/config': 'check its file',
}

/** A host name that begins a sentence keeps its letters. */
const sentence = (line: string): string => {
  const trimmed = shown(line)
    .trim()
    .replace(/[.\s]+$/, '')
  if (trimmed === '') return ''
  return `${/^\S*[.:]\S/.test(trimmed) ? trimmed[0] : trimmed[0]!.toUpperCase()}${trimmed.slice(1)}.`
}

/** A failure for the window, as three sentences. */
export function failureWords(failure: Failure): Words {
  const { what, why, next } = wordsFor(failure)
  const own = NEXT[failure.code]
  return {
    what: failure.code === 'usage/invalid' ? text.unusable : sentence(what),
    why: sentence(why),
    next: sentence(own === undefined ? next : typeof own === 'string' ? own : own(failure.facts)),
  }
}
