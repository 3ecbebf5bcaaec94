import type { VerbRow } from './program.ts'

const tunnels = (name: 'ls' | 'start' | 'stop' | 'restart' | 'watch') => async () =>
  (await import('./verbs/tunnels.ts'))[`tunnels${name[0]!.toUpperCase()}${name.slice(1)}` as 'tunnelsLs']

/** The engine of a home and its tunnels. cli.md "The engine of a home" */
export const ENGINE_VERBS: readonly VerbRow[] = [
  {
    name: 'engine',
    about: 'the process that holds the tunnels of this home',
    example: 'portico engine status',
    verbs: [
      {
        name: 'start',
        about: 'start it without a window, unless it runs',
        example: 'portico engine start',
        flags: [['--foreground', 'stay until Ctrl-C instead of going to the background']],
        load: async () => (await import('./verbs/engine.ts')).engineStart,
      },
      {
        name: 'stop',
        about: 'end it; its tunnels come back with the next start',
        example: 'portico engine stop',
        load: async () => (await import('./verbs/engine.ts')).engineStop,
      },
      {
        name: 'status',
        about: 'whether it runs, and where',
        example: 'portico engine status --json',
        load: async () => (await import('./verbs/engine.ts')).engineStatus,
      },
    ],
  },
  {
    name: 'tunnels',
    about: 'tunnels of the running engine',
    example: 'portico tunnels start db/orders',
    verbs: [
      { name: 'ls', about: 'tunnels and where they listen', example: 'portico tunnels ls --json', load: tunnels('ls') },
      {
        name: 'start',
        args: '<resource...>',
        about: 'open tunnels by KIND/NAME; starts an engine when none runs',
        example: 'portico tunnels start db/orders db/metrics',
        flags: [
          ['--db-user <user>', 'account inside the database'],
          ['--db-name <name>', 'logical database'],
          ['-p, --port <port>', 'local port; 0 = any free one (default: the same one each time)'],
          ['--passthrough', 'the client brings the certificate itself'],
        ],
        load: tunnels('start'),
      },
      {
        name: 'stop',
        args: '[tunnel...]',
        about: 'close tunnels, by id or KIND/NAME',
        example: 'portico tunnels stop db/orders',
        flags: [['--all', 'every tunnel']],
        load: tunnels('stop'),
      },
      {
        name: 'restart',
        args: '[tunnel...]',
        about: 'close tunnels and open them anew on the same addresses (default: every one)',
        example: 'portico tunnels restart db/orders',
        flags: [['--all', 'every tunnel']],
        load: tunnels('restart'),
      },
      { name: 'watch', about: 'a line whenever something changes', example: 'portico tunnels watch --json', load: tunnels('watch') },
    ],
  },
  {
    name: 'open',
    args: '<resource>',
    about: 'open a database in a program of this computer, everything filled in',
    example: 'portico open db/orders --with dbeaver',
    flags: [['--with <tool>', 'psql, mysql, mongosh, redis-cli, dbeaver, datagrip, … (default: list them)']],
    load: async () => (await import('./verbs/open.ts')).open,
  },
  {
    name: 'completion',
    args: '<shell>',
    about: 'completion for bash, zsh, fish or powershell',
    example: 'source <(portico completion bash)',
    load: async () => (await import('./verbs/completion.ts')).completion,
  },
]
