import { ERRORS, type ErrorCode, type Failure, type Facts } from './errors.ts'

/** What a person reads for a failure: what happened, why, and what to do next. Plain text, no markup. */
export interface Words {
  readonly what: string
  readonly why: string
  readonly next: string
}

type Line = string | ((facts: Facts) => string)

const fact = (facts: Facts, name: string, otherwise: string): string => {
  const value = facts[name]
  return value === undefined || value === '' ? otherwise : Array.isArray(value) ? value.join(', ') : String(value)
}
const proxy = (facts: Facts): string => fact(facts, 'proxy', 'the proxy')
const why =
  (otherwise: string): Line =>
  facts =>
    fact(facts, 'why', otherwise)

const WORDS: Record<ErrorCode, readonly [what: Line, why: Line, next: Line]> = {
  'usage/invalid': ['That command is not understood', why('an argument is missing or wrong'), f => fact(f, 'next', 'portico --help')],
  'usage/choose': [
    f => `Choose ${fact(f, 'what', 'a value')}`,
    f => `one of: ${fact(f, 'choices', 'none are allowed by your roles')}`,
    f => fact(f, 'next', 'name one of them'),
  ],
  'login/required': [
    'You are not signed in',
    f => (f['proxy'] === undefined ? 'nobody signed in on this computer' : `there is no session for ${proxy(f)}`),
    f => `portico login --proxy ${fact(f, 'proxy', 'HOST:PORT')}`,
  ],
  'login/expired': ['Your session ended', f => `the sign-in to ${proxy(f)} is over`, f => `portico login --proxy ${proxy(f)}`],
  'login/refused': [
    'Sign-in was refused',
    why('the user name, password or code is wrong'),
    'check them and sign in again; a one-time code works once',
  ],
  'login/code-needed': [
    'A one-time code is needed',
    f => `${proxy(f)} asks for a second factor`,
    'enter the code of your authenticator app',
  ],
  'login/unsupported': [
    'This way of signing in is not supported yet',
    why('the cluster asks for it'),
    'ask for a local user with a password and a one-time code',
  ],
  'login/too-many-tries': ['Too many sign-in attempts', f => `${proxy(f)} refuses more for now`, 'wait a minute, then sign in again'],
  'proxy/unreachable': [f => `Cannot reach ${proxy(f)}`, why('no connection could be made'), 'check the address and your network'],
  'proxy/timeout': [
    f => `${proxy(f)} does not answer`,
    why('the connection was made but nothing came back in time'),
    'check your network and try again',
  ],
  'proxy/not-teleport': [
    f => `${proxy(f)} is not a Teleport proxy`,
    why('its answer is not one a proxy gives'),
    'check the address; the port is often 443 or 3080',
  ],
  'proxy/untrusted': [
    f => `The certificate of ${proxy(f)} is not trusted`,
    why('its authority is unknown on this computer'),
    f => `portico login --proxy ${proxy(f)} --ca-file FILE`,
  ],
  'proxy/certificate-expired': [
    f => `The certificate of ${proxy(f)} has expired`,
    f => `it ended ${fact(f, 'notAfter', 'some time ago')}`,
    "ask the cluster's administrator to renew it",
  ],
  'proxy/clock': [
    'The clock of this computer seems wrong',
    why('a certificate that was just made is not valid yet or any more'),
    "set this computer's clock and try again",
  ],
  'proxy/pin-mismatch': [
    f => `${proxy(f)} is not the cluster you expect`,
    'the pin of its authority differs from the one given',
    "check the pin with the cluster's administrator",
  ],
  'proxy/refused': [
    f => `${proxy(f)} refused the connection`,
    why('it closed without saying why'),
    'try again; sign in again if it goes on',
  ],
  'proxy/answer': [f => `${proxy(f)} answered with an error`, why('no reason was given'), 'try again later'],
  'access/denied': [
    'Your roles do not allow this',
    why('the cluster refused'),
    "choose another database user or name, or ask the cluster's administrator",
  ],
  'resource/not-found': [
    f => `There is no ${fact(f, 'kind', 'resource')} "${fact(f, 'name', '')}"`,
    f => fact(f, 'why', `${fact(f, 'cluster', 'the cluster')} does not list it for you`),
    f => fact(f, 'next', 'portico db ls'),
  ],
  'resource/unsupported': [
    f => `${fact(f, 'protocol', 'This protocol')} is not supported here`,
    why('Portico does not know it'),
    f => fact(f, 'next', 'update Portico'),
  ],
  'profile/not-found': [f => `There is no profile "${fact(f, 'name', '')}"`, 'nobody signed in to it on this computer', 'portico status'],
  'tool/not-found': [
    f => `${fact(f, 'tool', 'The program')} is not installed`,
    'it was not found on PATH',
    f => fact(f, 'next', 'install it'),
  ],
  'tool/failed': [
    f => `${fact(f, 'tool', 'The program')} did not start`,
    why('it ended at once'),
    'start it by itself to see what it says',
  ],
  'tunnel/port-in-use': [
    f => `Port ${fact(f, 'port', '')} is taken`,
    f => `${fact(f, 'program', 'another program')}${f['pid'] === undefined ? '' : ` (pid ${f['pid']})`} listens there`,
    f => fact(f, 'next', 'choose another port with --port, or 0 for any'),
  ],
  'tunnel/address': ['The local address cannot be used', why('the system refused it'), 'choose another port or socket'],
  'tunnel/not-found': [f => `There is no tunnel "${fact(f, 'tunnel', '')}"`, 'it is not running', 'portico db ls'],
  'tunnel/wrong-protocol': [
    'A program spoke the wrong protocol',
    f => `this address expects ${fact(f, 'expected', 'another protocol')}${f['got'] === undefined ? '' : `, not ${f['got']}`}`,
    'check the kind of connection in your program',
  ],
  'tunnel/other-user': [
    'A program of another user was refused',
    why('a local address serves only the person who opened it'),
    'if it was yours, run it as the same user as Portico',
  ],
  'tunnel/request-refused': [
    'A request was refused and not passed on',
    why('a web page in a browser could have sent it'),
    f => fact(f, 'next', 'use this address from a program, by the name localhost'),
  ],
  'tunnel/upstream-closed': [
    'The connection was closed by the other side',
    why('it ended before the database answered'),
    'check that the database is running and that you may use it',
  ],
  'engine/running': [
    'The engine of this home already runs',
    f => `pid ${fact(f, 'pid', 'unknown')} holds its tunnels`,
    'portico tunnels ls, or portico engine stop first',
  ],
  'engine/gone': ['The engine went away', why('its process ended while it was asked'), 'portico engine start'],
  'engine/failed': ['The engine could not start', why('its process ended at once'), 'portico engine start --foreground --debug'],
  'ssh/host-refused': [
    'The SSH server is not the one you expect',
    why('its host key is not trusted'),
    'check the name of the server; ask its administrator',
  ],
  'ssh/login-refused': [
    'SSH sign-in was refused',
    why('the server accepts none of your keys for this user'),
    'check the user name, or sign in again',
  ],
  'ssh/channel-refused': [
    'The SSH server refused the request',
    why('it gave no reason'),
    'check the name you connect to and what your roles allow',
  ],
  'ssh/no-common-algorithm': [
    'The SSH server speaks only what Portico does not',
    f => `no common ${fact(f, 'what', 'algorithm')}: it offers ${fact(f, 'theirs', 'nothing')}`,
    'ask its administrator to update it',
  ],
  'ssh/disconnected': ['The SSH connection was closed', why('it ended early'), 'connect again'],
  'ssh/agent': ['The SSH agent did not help', why('it does not answer'), 'check SSH_AUTH_SOCK, or start the agent'],
  'state/unwritable': [
    'Portico cannot write its files',
    why('the system refused'),
    f => `check ${fact(f, 'path', 'the folder of PORTICO_HOME')}`,
  ],
  'state/disk-full': [
    'The disk is full',
    f => `${fact(f, 'path', 'a file of ours')} could not be written; nothing was lost`,
    'free some space and try again',
  ],
  'vault/locked': [
    'The saved keys cannot be read',
    why('the keychain is locked or the vault key is gone'),
    'unlock the keychain, or sign in again',
  ],
  'lab/running': [
    'A lab already runs here',
    f => `pid ${fact(f, 'pid', 'unknown')} uses ${fact(f, 'home', 'this home')}`,
    'use it, or stop it first',
  ],
  'lab/failed': ['The lab could not start', why('its database did not come up'), 'portico lab reset, then start it again'],
  'cluster/config': ['The configuration is wrong', why('a value cannot be used'), 'portico cluster check -c FILE'],
  'cluster/storage': [
    "The cluster's database cannot be used",
    why('it does not answer'),
    'check that it runs and what teleport.storage says, then try again',
  ],
  'wire/malformed': ['The other side sent something that makes no sense', why('its bytes do not follow the protocol'), 'check the address'],
  'wire/too-long': ['The other side sent too much', why('a message is longer than allowed'), 'check the address'],
  'wire/cut-short': ['The other side stopped in mid-message', why('the connection ended early'), 'try again'],
  'app/cancelled': ['Cancelled', 'you stopped it', 'start it again when you like'],
  'app/bug': ['Something went wrong in Portico', why('this should not happen'), 'please report it with the log'],
}

const say = (line: Line, facts: Facts): string => (typeof line === 'string' ? line : line(facts))

export function wordsFor({ code, facts }: Failure): Words {
  const [what, reason, next] = WORDS[code]
  return { what: say(what, facts), why: say(reason, facts), next: say(next, facts) }
}

/** One sentence for a narrow place: a row of the list, a log line. */
export function oneLine(failure: Failure): string {
  const words = wordsFor(failure)
  return `${words.what}: ${words.why}`
}

export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[]
