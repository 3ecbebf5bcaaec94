import { formatAddress, parseAddress } from '../shared/address.ts'
import type { ErrorCode, Facts, Failure } from '../shared/errors.ts'
import { replaceUnprintable } from '../shared/printable.ts'
import { wordsFor, type Words } from '../shared/words.ts'
import { ago, bytes, clock, count, duration } from './figures.ts'

/** All text of the window, beside what shared/words.ts says for failures. */

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
    tsh: 'Use a login of tsh',
    tshTile: 'tsh',
    tshFound: (clusters: readonly string[]) => `${count(clusters.length, 'profile')} found: ${clusters.join(', ')}`,
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
    earlyLead: 'Sign in now and nothing is interrupted.',
    againLead: (n: number) =>
      n === 0 ? 'Your databases are a password away.' : `${count(n, 'connection')} ${n === 1 ? 'waits' : 'wait'} and will go on.`,
  },

  code: {
    title: (name: string) => `Code for ${name}`,
    lead: (n: number) =>
      n === 0
        ? 'Your cluster wants each session with this database confirmed.'
        : `Your cluster wants this session confirmed. ${count(n, 'connection')} ${n === 1 ? 'waits' : 'wait'} and will go on.`,
    go: 'Confirm',
    checking: 'Checking…',
    waits: (names: readonly string[]) => `${names.join(', ')} ${names.length === 1 ? 'waits' : 'wait'} for a one-time code.`,
    enter: 'Enter code',
    row: 'Waits for a one-time code',
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
    favourites: 'Favourites',
    groupOf: (key: string, value: string | undefined) => (value === undefined ? `No ${key}` : value === '' ? `Empty ${key}` : value),
    plain: 'List',
    grouping: 'How the list is grouped',
    byLabel: 'By label',
    byKey: (key: string) => `By ${key}`,
    groupBy: 'Group by',
    noKeys: 'No database has labels',
    favourite: 'Favourite',
    palette: 'Search everything',
    shown: (shown: number, total: number) =>
      `${shown.toLocaleString('en')} of ${total.toLocaleString('en')} shown, ${(total - shown).toLocaleString('en')} hidden by the search`,
    nothing: 'No database matches',
    nothingNext: 'Try fewer words, or filters like env:prod, proto:postgres and is:running.',
    noneRunning: 'Nothing is running',
    noneRunningNext: 'Connect a database and it shows up here with its local address.',
    noFavourites: 'No favourites yet',
    noFavouritesNext: 'The star beside a name keeps a database here, in the palette and in the tray.',
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
    mode: 'How you sign in',
    /** The other mode: the program brings the certificate. */
    passwordOwn: 'certificate of your program',
    passwordNoneMore: 'Portico signs in for every program',
    passwordOwnMore: 'Your program brings its own certificate',
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
    minute: 'Last minute',
    agoSeconds: (seconds: number) => (seconds === 0 ? 'Now' : `${count(seconds, 'second')} ago`),
    down: (rate: number) => `${bytes(rate)}/s`,
    received: 'received',
    sent: 'sent',
  },

  tools: {
    title: 'Open in',
    more: 'More…',
    terminal: 'Terminal',
    copyLink: 'Copy link',
    link: 'URL',
    openIn: 'Open in',
    open: (tool: string) => `Open in ${tool}`,
    missing: 'not found on this computer',
    none: (protocol: string) => `No program for ${protocol} was found on this computer. Any that you install shows up here.`,
    last: 'used last',
  },

  path: {
    title: 'The path',
    noProgram: 'Your program',
    notYet: 'not connected yet',
    localhost: (port: number) => `localhost:${port}`,
    listening: 'listening',
    starting: 'opening…',
    notListening: 'not listening',
    taken: 'taken',
    unreachable: 'no answer',
    agent: (name: string, others: number) => (others === 0 ? `Agent ${name}` : `Agent ${name} and ${count(others, 'other')}`),
    agents: 'Database agent',
    reached: 'reached',
    ready: 'ready',
    broken: 'broken here',
    certificate: (user: string) => `Certificate for ${user}`,
    ownCertificate: 'Certificate of your program',
    ownNote: 'brought along',
    valid: (ms: number) => `valid ${duration(ms)}`,
    ended: 'session ended',
    atFirst: 'made when needed',
    again: 'Try again',
    signIn: 'Sign in again',
    otherPort: 'Use another port',
    ok: 'works',
    idle: 'not used yet',
    waiting: 'waits',
    bad: 'broken',
  },

  connections: {
    title: 'Connections',
    unknown: 'Unknown program',
    pid: (pid: number) => `pid ${pid}`,
    since: (ms: number) => `since ${clock(ms)}`,
    waiting: 'waits for your sign-in',
    traffic: (received: number, sent: number) => `↓ ${bytes(received)} ↑ ${bytes(sent)}`,
    close: 'Close',
    closeThis: (program: string) => `Close the connection of ${program}`,
    more: (n: number) => `and ${count(n, 'more', 'more')}`,
    all: (n: number) => `Show all ${n.toLocaleString('en')}`,
  },

  palette: {
    title: 'Search everything',
    placeholder: 'Search databases and actions',
    nothing: 'Nothing matches. Try fewer words.',
    databases: 'Databases',
    actions: 'Actions',
    clusters: 'Clusters',
    settings: 'Settings',
    copyAddress: (address: string) => `Copy address ${address}`,
    details: 'Show details',
    favour: 'Add to favourites',
    unfavour: 'Remove from favourites',
    key: (mac: boolean) => (mac ? '⌘ K' : 'Ctrl K'),
    copyKey: (mac: boolean) => (mac ? '⌘ C' : 'Ctrl C'),
    goTo: 'Go to',
    look: 'Look for databases again',
    signIn: 'Sign in',
    signOut: (cluster: string) => `Sign out of ${cluster}`,
    add: 'Add a cluster…',
    use: 'Switch to this cluster',
    leaf: 'List its resources',
    theme: { system: 'Theme: follow the system', light: 'Theme: light', dark: 'Theme: dark' },
    groupBy: (key: string) => `Group by ${key}`,
    ungroup: 'Do not group the list',
    exportLog: 'Export the log…',
  },

  settings: {
    title: 'Settings',
    where: (file: string) => `Kept in ${file}. Changes to that file show here at once.`,
    file: 'settings.yaml',
    looks: 'Looks',
    theme: 'Theme',
    themes: { system: 'System', light: 'Light', dark: 'Dark' },
    groupBy: 'Group databases by',
    groupByMore: 'A label key, like team',
    noGroup: 'Not grouped',
    start: 'Start',
    startAtLogin: 'Start when you log in to this computer',
    startHidden: 'Start without a window then',
    startHiddenMore: 'The tray shows that Portico runs.',
    restoreTunnels: 'Connect again what ran before',
    restoreMore: 'After a restart of Portico or of this computer.',
    running: 'While it runs',
    notifications: 'Notifications',
    notificationsMore: 'One when a sign-in is needed and the window is away. Never one per database.',
    terminal: 'Terminal',
    terminalMore: 'The program that opens a command line. Empty: found by itself.',
    terminalPlaceholder: 'Found by itself',
    engine: 'Engine',
    engineIn: { app: 'Runs in this app', headless: 'Runs on its own, without the window' },
    engineMore: (pid: number, since: number, version: string) => `pid ${pid}, since ${clock(since)}, version ${version}`,
  },

  log: {
    title: 'Log',
    level: 'Level',
    levels: { debug: 'Everything', info: 'Normal', warn: 'Warnings', error: 'Errors' },
    search: 'Search the log',
    searchLabel: 'Search the log',
    follow: 'Follow',
    export: 'Export…',
    exporting: 'Exporting…',
    exported: 'The log was saved. Passwords, keys and tokens are not in it.',
    secrets: 'Passwords, keys and tokens never get in here.',
    lines: (shown: number, total: number) =>
      shown === total ? count(total, 'line') : `${shown.toLocaleString('en')} of ${count(total, 'line')}`,
    nothing: 'Nothing was logged yet',
    nothingNext: 'What Portico does shows up here.',
    noMatch: 'No line matches',
    noMatchNext: 'Try fewer words, or another level.',
    failed: 'The log could not be read',
  },

  side: {
    label: 'Cluster and views',
    cluster: 'Cluster',
    menu: (cluster: string) => `Cluster ${cluster}`,
    left: (ms: number) => `${duration(ms)} left`,
    ended: 'session ended',
    resources: 'Resources',
    favourites: 'Favourites',
    running: 'Running',
    databases: 'Databases',
    clusters: 'Clusters',
    leafOffline: 'offline',
    settings: 'Settings',
    log: 'Log',
    switchTo: 'Switch cluster',
    add: 'Add a cluster…',
    signOut: 'Sign out',
    profile: (user: string, ended: boolean, tsh: boolean) =>
      [user, ...(tsh ? ['tsh'] : []), ...(ended ? ['session ended'] : [])].join(' · '),
    engine: (tunnels: number) => (tunnels === 0 ? 'Engine running' : `Engine running · ${count(tunnels, 'tunnel')}`),
    offline: 'Cluster does not answer',
    signedOut: 'Waiting for sign-in',
  },

  banner: {
    ended: (ms: number) => `Your session ended ${ago(ms)}.`,
    waiting: (connections: number, tunnels: number) =>
      `${count(connections, 'connection')} on ${count(tunnels, 'tunnel')} ${connections === 1 ? 'is' : 'are'} waiting and will go on.`,
    ending: (ms: number) => `Your session ends in ${duration(ms)}.`,
    endingNext: 'Sign in now and nothing is interrupted.',
    later: 'Later',
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

/** What to do next, where shared/words.ts names a command: in the window there is a button for it. */
const NEXT: Partial<Record<ErrorCode, string | ((facts: Facts) => string)>> = {
  'usage/invalid': 'check it and try again',
  'usage/choose': f => `choose a ${String(f['what'] ?? 'value')} in the details`,
  'login/required': 'sign in',
  'login/expired': 'sign in again',
  'login/code-needed': 'enter the code of your authenticator app',
  'proxy/untrusted': 'choose the file of its authority to trust it',
  'resource/not-found': 'look again, or ask for access',
  'resource/unsupported': 'update Portico',
  'profile/not-found': 'add the cluster again',
  'tunnel/port-in-use': 'end that program, or use another port',
  'tunnel/not-found': 'connect again',
  'lab/failed': 'try again',
  'engine/running': 'use that one, or end it first',
  'engine/gone': 'try again',
  'engine/failed': 'quit Portico and open it anew',
  'cluster/config': 'check its file',
}

/** A host or a program that begins a sentence keeps its letters. */
const sentence = (line: string): string => {
  const trimmed = shown(line)
    .trim()
    .replace(/[.\s]+$/, '')
  if (trimmed === '') return ''
  return `${/^\S*[.:]\S|^\S+ \(pid /.test(trimmed) ? trimmed[0] : trimmed[0]!.toUpperCase()}${trimmed.slice(1)}.`
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
