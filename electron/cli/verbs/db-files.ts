import { PorticoError } from '../../../shared/errors.ts'
import { chooseProfile } from '../../app/choose-profile.ts'
import { openClientAccess, type ClientAccess } from '../../app/client-access.ts'
import { removeClientFiles } from '../../app/client-files.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'

interface DbOptions {
  readonly dbUser?: string
  readonly dbName?: string
}

/** `db login`, `env` and `config` all sign in to the database: they write the files that they name. */
function openAccess(run: Run, name: string, { dbUser, dbName }: DbOptions, use: (access: ClientAccess) => void): Promise<void> {
  return withSession(run, async ({ context, profile, sessions }) =>
    use(
      await openClientAccess(
        context,
        sessions,
        profile,
        name,
        { databaseUser: dbUser, databaseName: dbName, cluster: run.globals.cluster },
        run.lifetime.signal,
      ),
    ),
  )
}

const needsTunnel = (name: string): PorticoError =>
  new PorticoError('resource/unsupported', { protocol: `"${name}"`, why: 'its clients need a tunnel', next: `portico proxy db ${name}` })

export function dbLogin(run: Run, [name = '']: readonly string[], options: DbOptions): Promise<void> {
  return openAccess(run, name, options, ({ cluster, databaseUser, databaseName, files: { cert, key, ca, validUntil } }) => {
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
      })
    run.say.text(`Certificate:  ${cert}`, `Key:          ${key}`, `CA:           ${ca}`)
    run.say.hint(`Next: portico db config ${name}`)
  })
}

export function dbLogout(run: Run, [name]: readonly string[]): Promise<void> {
  return withContext(run, async context => {
    const profile = chooseProfile(context, run.globals.proxy)
    const one = name === undefined ? undefined : { cluster: run.globals.cluster ?? profile.cluster, name }
    await removeClientFiles(context, profile.proxy, one)
    if (run.say.json) return run.say.value({ loggedOut: name ?? null })
    run.say.text(name === undefined ? `Removed the files of all databases of ${profile.cluster}.` : `Removed the files of ${name}.`)
  })
}

export function dbEnv(run: Run, [name = '']: readonly string[], options: DbOptions): Promise<void> {
  return openAccess(run, name, options, ({ environment, environmentLines }) => {
    if (environment === undefined) throw needsTunnel(name)
    if (run.say.json) return run.say.value(environment)
    run.say.text(...environmentLines)
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
    ({ address: { host, port }, databaseUser: user, databaseName: database, files: { cert, key, ca }, command }) => {
      if (format === 'json' || run.say.json) return run.say.value({ name, host, port, ...filled({ user, database }), ca, cert, key })
      if (format === 'yaml')
        return run.say.text(
          ...Object.entries({ ca, cert, ...filled({ database }), host, key, name, port, ...filled({ user }) }).map(
            ([field, value]) => `${field}: ${yamlValue(value)}`,
          ),
        )
      if (format === 'text') {
        return run.say.text(
          `Name:      ${name}`,
          `Host:      ${host}`,
          `Port:      ${port}`,
          `User:      ${user}`,
          `Database:  ${database}`,
          `CA:        ${ca}`,
          `Cert:      ${cert}`,
          `Key:       ${key}`,
        )
      }
      if (command === undefined) throw needsTunnel(name)
      run.say.text(command)
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
