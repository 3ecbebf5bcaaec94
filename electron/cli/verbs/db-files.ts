import { PorticoError } from '../../../shared/errors.ts'
import { chooseProfile } from '../../app/choose-profile.ts'
import { openClientAccess, type ClientAccess } from '../../app/client-access.ts'
import { removeClientFiles } from '../../app/remove-client-files.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'

interface DbOptions {
  readonly dbUser?: string
  readonly dbName?: string
  readonly write?: boolean
}

/** `db login`, `env` and `config` all sign in to the database: they write the files that they name. */
function openAccess(
  run: Run,
  name: string,
  { dbUser, dbName, write = false }: DbOptions,
  use: (access: ClientAccess) => void,
): Promise<void> {
  return withSession(run, async ({ context, profile, sessions }) =>
    use(
      await openClientAccess(
        context,
        sessions,
        profile,
        name,
        { databaseUser: dbUser, databaseName: dbName, cluster: run.globals.cluster, write },
        run.lifetime.signal,
      ),
    ),
  )
}

const needsTunnel = (name: string): PorticoError =>
  new PorticoError('resource/unsupported', { protocol: `"${name}"`, why: 'its clients need a tunnel', next: `portico proxy db ${name}` })

const readsNone = (name: string): PorticoError =>
  new PorticoError('resource/unsupported', {
    protocol: `portico db env "${name}"`,
    why: 'its clients read no variables that lead them there',
    next: `portico db connect ${name}, or portico proxy db ${name}`,
  })

export function dbLogin(run: Run, [name = '']: readonly string[], options: DbOptions): Promise<void> {
  return openAccess(run, name, options, ({ cluster, databaseUser, databaseName, files, tunnel, written }) => {
    const { cert, key, ca, validUntil } = files
    if (run.say.json)
      return run.say.value({
        name,
        cluster,
        user: databaseUser,
        database: databaseName,
        cert,
        key,
        ca,
        validUntil: new Date(validUntil).toISOString(),
        written: written === undefined ? null : { file: written.path, section: written.section },
      })
    run.say.text(`Certificate:  ${cert}`, `Key:          ${key}`, `CA:           ${ca}`)
    if (written !== undefined) run.say.text(`Section:      [${written.section}] in ${written.path}`)
    if (tunnel !== undefined) run.say.hint(`Its clients need a tunnel: ${tunnel}`)
    run.say.hint(`Next: ${written?.command ?? `portico db config ${name}`}`)
  })
}

export function dbLogout(run: Run, [name]: readonly string[]): Promise<void> {
  return withContext(run, async context => {
    const profile = chooseProfile(context, run.globals.proxy)
    const cluster = run.globals.cluster ?? profile.cluster
    const wasThere = await removeClientFiles(context, profile.proxy, name === undefined ? undefined : { cluster, name })
    if (name !== undefined && !wasThere)
      throw new PorticoError('resource/not-found', {
        kind: 'sign-in to database',
        name,
        cluster,
        why: 'nothing was written for it on this computer',
        next: 'portico db ls',
      })
    if (run.say.json) return run.say.value({ loggedOut: name ?? null })
    run.say.text(name === undefined ? `Removed the files of all databases of ${profile.cluster}.` : `Removed the files of ${name}.`)
  })
}

export function dbEnv(run: Run, [name = '']: readonly string[], options: DbOptions): Promise<void> {
  return openAccess(run, name, options, ({ environment, environmentLines, environmentTunnel }) => {
    if (environment === undefined) throw readsNone(name)
    if (run.say.json) return run.say.value(environment)
    run.say.text(...environmentLines)
    if (environmentTunnel !== undefined) run.say.hint(`A tunnel must run for it: ${environmentTunnel}`)
  })
}

const FORMATS = ['text', 'cmd', 'json', 'yaml'] as const

export async function dbConfig(
  run: Run,
  [name = '']: readonly string[],
  { format = run.say.json ? 'json' : 'text', ...options }: DbOptions & { readonly format?: string },
): Promise<void> {
  if (!FORMATS.some(known => known === format))
    throw new PorticoError('usage/invalid', { why: `--format takes ${FORMATS.join(', ')}, not "${format}"` })
  await openAccess(
    run,
    name,
    options,
    ({ address: { host, port }, databaseUser: user, databaseName: database, files: { cert, key }, ca, tunnel, command }) => {
      if (format === 'json' || run.say.json) return run.say.value({ name, host, port, ...filled({ user, database }), ca, cert, key })
      if (format === 'yaml')
        return run.say.text(
          ...Object.entries({ ca, cert, ...filled({ database }), host, key, name, port, ...filled({ user }) }).map(
            ([field, value]) => `${field}: ${yamlValue(value)}`,
          ),
        )
      if (format === 'text') {
        run.say.text(
          `Name:      ${name}`,
          `Host:      ${host}`,
          `Port:      ${port}`,
          `User:      ${user}`,
          `Database:  ${database}`,
          `CA:        ${ca}`,
          `Cert:      ${cert}`,
          `Key:       ${key}`,
        )
      } else {
        if (command === undefined) throw needsTunnel(name)
        run.say.text(command)
      }
      if (tunnel !== undefined) run.say.hint(`A tunnel must run for it: ${tunnel}`)
    },
  )
}

const filled = (fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))

/** Plain where YAML reads it back as the same string; else a JSON string, which is a YAML string too, whatever a server put into a name. */
function yamlValue(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const isPlain = /^[A-Za-z_/][\w./@-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)
  return isPlain ? value : JSON.stringify(value)
}
