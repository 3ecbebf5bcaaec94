import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { PorticoError } from '../../shared/errors.ts'
import { ENGINE_VERBS } from './engine-verbs.ts'
import type { Globals } from './globals.ts'
import type { Verb } from './run.ts'
import type { Sink } from './say.ts'

export interface Parsed {
  /** Loads the verb: nothing but what it needs. */
  readonly verb: () => Promise<Verb<never>>
  readonly args: readonly string[]
  readonly options: never
  readonly globals: Globals
}

export interface VerbRow {
  readonly name: string
  readonly args?: string
  readonly about: string
  readonly example: string
  readonly flags?: readonly (readonly [flags: string, about: string])[]
  /** May be followed by `--` and arguments for a client. */
  readonly rest?: true
  readonly load?: () => Promise<Verb<never>>
  readonly verbs?: readonly VerbRow[]
}

const DB_FLAGS = [
  ['--db-user <user>', 'account inside the database'],
  ['--db-name <name>', 'logical database'],
] as const

const CONFIG = ['-c, --config <file>', 'configuration, portico.yaml'] as const

/** Every verb that exists, and how it is loaded. */
export const VERBS: readonly VerbRow[] = [
  {
    name: 'lab',
    about: 'a seeded cluster: PostgreSQL, and the MariaDB and Redis of this system, in the foreground',
    example: 'portico lab',
    flags: [
      ['--home <folder>', 'where the lab keeps its files (default: lab/ under PORTICO_HOME)'],
      ['--listen <address>', 'HOST:PORT; port 0 = any (default: 127.0.0.1:3480)'],
      ['--second-factor <kind>', 'off or otp (default: off)'],
      ['--cert-ttl <time>', 'the longest login (default: 12h)'],
      ['--ephemeral', 'a temporary folder, removed at the end'],
      ['--full', 'every kind of resource that the lab has'],
      ['--mongo <uri>', 'announce this MongoDB as `catalog`: HOST:PORT or mongodb://…; its options tlsCAFile and tlsInsecure are kept'],
    ],
    load: async () => (await import('./verbs/lab.ts')).lab,
    verbs: [
      {
        name: 'reset',
        about: 'forget everything in the lab; the next one starts anew',
        example: 'portico lab reset',
        load: async () => (await import('./verbs/lab.ts')).labReset,
      },
    ],
  },
  {
    name: 'cluster',
    about: 'a cluster of your own',
    example: 'portico cluster check -c portico.yaml',
    verbs: [
      {
        name: 'start',
        about: 'run the cluster that a configuration describes',
        example: 'portico cluster start -c portico.yaml',
        flags: [CONFIG],
        load: async () => (await import('./verbs/cluster.ts')).clusterStart,
      },
      {
        name: 'check',
        about: 'what a configuration would listen on and announce',
        example: 'portico cluster check -c portico.yaml',
        flags: [CONFIG],
        load: async () => (await import('./verbs/cluster.ts')).clusterCheck,
      },
      {
        name: 'routes',
        about: 'the routing table',
        example: 'portico cluster routes --json',
        flags: [CONFIG],
        load: async () => (await import('./verbs/cluster.ts')).clusterRoutes,
      },
    ],
  },
  {
    name: 'login',
    about: 'sign in to a cluster',
    example: 'portico login --proxy teleport.example.com --user alice',
    flags: [
      ['--password-stdin', 'password from the first line of standard input, one-time code from the second'],
      ['--auth <connector>', 'way to sign in; only "local" so far'],
      ['--ttl <time>', 'how long the session shall last'],
    ],
    load: async () => (await import('./verbs/login.ts')).login,
  },
  {
    name: 'logout',
    about: 'sign out: remove keys, certificates and files written for clients',
    example: 'portico logout --all',
    flags: [['--all', 'every cluster']],
    load: async () => (await import('./verbs/logout.ts')).logout,
  },
  {
    name: 'status',
    about: 'who is signed in, where, and for how long',
    example: 'portico status --json',
    load: async () => (await import('./verbs/status.ts')).status,
  },
  {
    name: 'use',
    args: '<proxy>',
    about: 'make a profile the current one',
    example: 'portico use teleport.example.com:443',
    load: async () => (await import('./verbs/use.ts')).use,
  },
  {
    name: 'db',
    about: 'databases',
    example: 'portico db ls',
    verbs: [
      {
        name: 'ls',
        about: 'databases that you may use',
        example: 'portico db ls --search orders',
        flags: [
          ['--search <words>', 'words in name, description or labels'],
          ['--query <predicate>', 'predicate, given to the server as it is'],
          ['--all-clusters', 'of every cluster you are signed in to'],
        ],
        load: async () => (await import('./verbs/db-ls.ts')).dbLs,
      },
      {
        name: 'login',
        args: '<name>',
        about: 'write certificate, key and CA files for a client',
        example: 'portico db login orders --db-user alice',
        flags: [...DB_FLAGS, ['--write', 'also a section in ~/.pg_service.conf or ~/.my.cnf; db logout takes it out again']],
        load: async () => (await import('./verbs/db-files.ts')).dbLogin,
      },
      {
        name: 'logout',
        args: '[name]',
        about: 'remove the files of one database, or of all',
        example: 'portico db logout orders',
        load: async () => (await import('./verbs/db-files.ts')).dbLogout,
      },
      {
        name: 'env',
        args: '<name>',
        about: 'environment variables for clients of this shell',
        example: 'eval "$(portico db env orders)"',
        flags: DB_FLAGS,
        load: async () => (await import('./verbs/db-files.ts')).dbEnv,
      },
      {
        name: 'config',
        args: '<name>',
        about: 'what a client must be told',
        example: 'portico db config orders --format cmd',
        flags: [...DB_FLAGS, ['--format <format>', 'text, cmd, json or yaml (default: text)']],
        load: async () => (await import('./verbs/db-files.ts')).dbConfig,
      },
      {
        name: 'connect',
        args: '<name>',
        about: "the database's own client, on a tunnel of its own",
        example: "portico db connect orders -- -c 'select 1'",
        rest: true,
        flags: DB_FLAGS,
        load: async () => (await import('./verbs/db-connect.ts')).dbConnect,
      },
    ],
  },
  {
    name: 'clusters',
    about: 'the cluster that you are signed in to and its leaves',
    example: 'portico clusters ls',
    verbs: [
      {
        name: 'ls',
        about: 'names and whether they are online',
        example: 'portico clusters ls --json',
        load: async () => (await import('./verbs/clusters.ts')).clustersLs,
      },
    ],
  },
  {
    name: 'proxy',
    about: 'tunnels in the foreground',
    example: 'portico proxy db orders',
    verbs: [
      {
        name: 'db',
        args: '<name>',
        about: 'a local address for a database, until Ctrl-C',
        example: 'portico proxy db orders --port 5432',
        flags: [
          ['-p, --port <port>', 'local port; 0 = any free one (default: the same one each time)'],
          ...DB_FLAGS,
          ['--tunnel', 'add the certificate here: clients need none (the default)'],
          ['--passthrough', 'the client brings the certificate itself'],
          ['--socket <path>', 'path of the Unix socket'],
          ['--no-socket', 'no Unix socket'],
          ['--hold <time>', 'how long a connection waits for a sign-in (default: 60s)'],
        ],
        load: async () => (await import('./verbs/proxy-db.ts')).proxyDb,
      },
    ],
  },
  ...ENGINE_VERBS,
  {
    name: 'version',
    about: 'version of Portico',
    example: 'portico version --json',
    load: async () => (await import('./verbs/version.ts')).version,
  },
  {
    name: 'help',
    args: '[topic...]',
    about: 'help for a verb, or "errors": every way to fail',
    example: 'portico help errors',
    load: async () => (await import('./verbs/help.ts')).help,
  },
]

export const GLOBALS: readonly (readonly [flags: string, about: string])[] = [
  ['--proxy <address>', 'which cluster: HOST[:PORT] (else PORTICO_PROXY, TELEPORT_PROXY, the current profile)'],
  ['--cluster <name>', 'root or leaf cluster'],
  ['--user <name>', 'Teleport user'],
  ['--json', 'JSON on standard output, nothing else'],
  ['--quiet', 'no progress and no hints'],
  ['--debug', 'debug log on standard error, without secrets'],
  ['--ca-file <file>', "extra roots for the proxy's web certificate"],
  ['--ca-pin <pin>', "sha256:HEX: accept the proxy's certificate when the cluster's host CA has this pin"],
  ['--insecure', 'do not verify the web certificate: loopback only, or with --ca-pin'],
]

/**
 * Reads a command line.
 * @returns undefined when help was asked for, and printed
 * @throws PorticoError `usage/invalid` with the nearest match
 */
export async function parse(own: readonly string[], rest: readonly string[], stdout: Sink): Promise<Parsed | undefined> {
  let parsed: Parsed | undefined
  const program = new Command('portico').description('Local addresses for databases behind a Teleport-style proxy.').helpCommand(false)
  program
    .addHelpText('after', '\nExample:\n  $ portico lab')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
  program.configureOutput({ writeOut: text => void stdout.write(text), writeErr: () => {} })
  for (const [flags, about] of GLOBALS) program.option(flags, about)
  // A flag with an empty value is a mistake (an unset variable), never a wish.
  program.on('option:proxy', value => {
    if (value === '') throw new InvalidArgumentError('--proxy is empty')
  })
  const add = (parent: Command, row: VerbRow): void => {
    const command = parent.command(row.name).description(row.about).addHelpText('after', `\nExample:\n  $ ${row.example}`)
    if (row.args !== undefined) command.arguments(row.args)
    for (const [flags, about] of row.flags ?? []) command.option(flags, about)
    command.helpCommand(false)
    const { load } = row
    // A verb that only groups others is left to commander, which then finds the nearest match.
    if (load !== undefined)
      command.action(() => {
        if (rest.length > 0 && row.rest === undefined)
          throw new PorticoError('usage/invalid', { why: 'nothing may follow -- here', next: helpFor(command) })
        // commander gives `lab reset --home F` to `lab`, wherever it stands: a verb has the flags of the one it belongs to.
        const above = parent === program ? {} : parent.opts<object>()
        parsed = { verb: load, args: command.args, options: { ...above, ...command.opts<object>() } as never, globals: program.opts() }
      })
    for (const verb of row.verbs ?? []) add(command, verb)
  }
  for (const row of VERBS) add(program, row)
  const words = own[0] === '--version' ? ['version', ...own.slice(1)] : own
  try {
    await program.parseAsync([...words], { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (thrown.exitCode === 0) return undefined
    const at = deepest(program, words)
    // Nothing but `portico db`: its help, as kubectl and gh do; a program that reads JSON is told instead.
    if (thrown.code === 'commander.help') {
      if (program.opts<Globals>().json === true) throw new PorticoError('usage/invalid', { why: 'a verb is missing', next: helpFor(at) })
      at.outputHelp()
      return undefined
    }
    throw new PorticoError('usage/invalid', { why: plain(thrown.message), next: helpFor(at) })
  }
  return parsed
}

/** Commander's text: `error: unknown option '--jsn'\n(Did you mean --json?)`. */
const plain = (message: string): string =>
  message
    .replace(/^error: /, '')
    .replace(/\.?\n/g, ' ')
    .trim()

const helpFor = (command: Command): string => (command.parent === null ? 'portico --help' : `${pathOf(command)} --help`)

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** The verb that the words of a command line lead to. */
function deepest(program: Command, own: readonly string[]): Command {
  let at = program
  for (const word of own) at = at.commands.find(command => command.name() === word) ?? at
  return at
}

/** Where in a path of verbs the first word stands that is none. */
function firstUnknown(topic: readonly string[]): number | undefined {
  let rows: readonly VerbRow[] = VERBS
  for (const [index, word] of topic.entries()) {
    const row = rows.find(({ name }) => name === word)
    if (row === undefined) return index
    rows = row.verbs ?? []
  }
  return undefined
}

/** The help of a verb given by its words. @throws PorticoError `usage/invalid` */
export async function helpText(topic: readonly string[]): Promise<string> {
  let text = ''
  const sink = {
    write: (part: string) => {
      text += part
    },
  }
  // With --help commander overlooks a wrong word; without, it finds the nearest match.
  const wrong = firstUnknown(topic)
  if (wrong !== undefined) await parse(topic.slice(0, wrong + 1), [], sink)
  await parse([...topic, '--help'], [], sink)
  return text
}
