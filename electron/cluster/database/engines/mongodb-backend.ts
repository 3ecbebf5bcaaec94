import type { TLSSocket } from 'node:tls'
import { encodeMsg, isTrue, MessageCutter, readAnswer } from '../../../wire/mongodb.ts'
import { readText } from '../../../wire/bson.ts'
import { Refusal } from '../refusal.ts'
import { dialTcp, once, secureBackend } from './backend-dial.ts'
import type { AgentSession } from './engine.ts'

/** Teleport's server selection gives up after so long. wire/database.md 6.1 */
const SELECTION_MS = 5_000
/** What a server says of itself names its whole set; far below this. */
const ANSWER_LIMIT = 1_000_000

type Kind = 'primary' | 'secondary' | 'other'

/** Which servers a read preference takes, best first. */
const PREFERENCES: Readonly<Record<string, readonly Kind[]>> = {
  primary: ['primary'],
  primaryPreferred: ['primary', 'secondary'],
  secondary: ['secondary'],
  secondaryPreferred: ['secondary', 'primary'],
  nearest: ['primary', 'secondary', 'other'],
}

export interface MongoPlace {
  /** host[:port] of each server that is named. */
  readonly servers: readonly string[]
  /** undefined: the only one, whatever it is. */
  readonly kinds: readonly Kind[] | undefined
}

/** Where a resource's `uri` leads: host:port, or a connection string. @throws Refusal */
export function readMongoUri(uri: string): MongoPlace {
  if (uri.startsWith('mongodb+srv:')) throw new Refusal('mongodb+srv is not supported: name the servers in the uri')
  const [at = '', query = ''] = uri.replace(/^mongodb:\/\//, '').split('?')
  const servers = at
    .replace(/\/.*$/s, '')
    .replace(/^.*@/s, '')
    .split(',')
    .filter(server => server !== '')
  const options = new URLSearchParams(query)
  const wanted = options.get('readPreference')
  const isSet = servers.length > 1 || options.has('replicaSet') || wanted !== null
  const kinds = PREFERENCES[wanted ?? 'primary']
  if (kinds === undefined) throw new Refusal(`unknown read preference ${JSON.stringify(wanted)}`)
  return { servers, kinds: isSet && options.get('directConnection') !== 'true' ? kinds : undefined }
}

interface Candidate {
  readonly server: TLSSocket
  readonly kind: Kind
  /** host:port */
  readonly primary: string | undefined
}

type Answer = ReturnType<typeof readAnswer>

/** One command, one answer; nothing else is under way. @throws Refusal */
async function ask(server: TLSSocket, fields: Parameters<typeof encodeMsg>[2], deadlineMs = SELECTION_MS): Promise<Answer> {
  const cutter = new MessageCutter(ANSWER_LIMIT)
  server.write(encodeMsg(1, 0, fields))
  for (;;) {
    const chunk = once<Buffer>(server, 'data', deadlineMs)
    server.resume()
    const [whole] = cutter.push(await chunk)
    server.pause()
    if (whole !== undefined) return readAnswer(whole)
  }
}

const text = ({ whole, body }: Answer, name: string): string | undefined => {
  const found = body.find(element => element.name === name)
  return found && readText(whole, found)
}

async function connect(
  { database, keep }: AgentSession,
  at: string,
  context: Awaited<ReturnType<AgentSession['credentials']>>,
): Promise<TLSSocket> {
  const server = await secureBackend(await dialTcp(database, at), database, context, at)
  keep(server)
  return server
}

/**
 * A connection to the server that the resource's uri asks for.
 * @throws Refusal in Teleport's words
 */
async function select(session: AgentSession, databaseUser: string): Promise<TLSSocket> {
  const { servers, kinds } = readMongoUri(session.database.uri)
  const context = await session.credentials(databaseUser)
  if (kinds === undefined) return connect(session, servers[0] ?? '', context)

  const tried = new Set<string>()
  const open: Candidate[] = []
  const failures: unknown[] = []
  const tryOne = async (at: string): Promise<void> => {
    tried.add(at)
    try {
      const server = await connect(session, at, context)
      const said = await ask(server, { isMaster: 1, $db: 'admin' }).catch((thrown: unknown) => {
        server.destroy()
        throw thrown
      })
      const kind = isTrue(said, 'ismaster') ? 'primary' : isTrue(said, 'secondary') ? 'secondary' : 'other'
      open.push({ server, kind, primary: text(said, 'primary') })
    } catch (thrown) {
      failures.push(thrown)
    }
  }
  const best = (): Candidate | undefined => kinds.flatMap(kind => open.find(candidate => candidate.kind === kind) ?? [])[0]
  await Promise.all(servers.map(tryOne))
  // The primary may be a member that the uri does not name.
  const primary = open.map(candidate => candidate.primary).find(at => at !== undefined)
  if (best() === undefined && primary !== undefined && !tried.has(primary)) await tryOne(primary)
  const chosen = best()
  for (const { server } of open) if (server !== chosen?.server) server.destroy()
  if (chosen === undefined) throw failures[0] instanceof Refusal ? failures[0] : new Refusal('no server of the set is suitable')
  return chosen.server
}

/**
 * A connection on which the database user is signed in by certificate. wire/database.md 9.1
 * @throws Refusal
 */
export async function openMongo(session: AgentSession, databaseUser: string): Promise<TLSSocket> {
  let server: TLSSocket | undefined
  try {
    server = await select(session, databaseUser)
    const said = await ask(server, { authenticate: 1, mechanism: 'MONGODB-X509', user: `CN=${databaseUser}`, $db: '$external' })
    if (!isTrue(said, 'ok')) throw new Refusal(`auth error: ${text(said, 'errmsg') ?? 'the server refused the certificate'}`)
    return server
  } catch (thrown) {
    server?.destroy()
    if (!(thrown instanceof Refusal)) throw thrown
    throw new Refusal(`error connecting to the database\n\tserver selection error: ${thrown.message}`, thrown)
  }
}
