import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeCommand } from '../../wire/redis.ts'
import { findProgram } from './find-program.ts'
import type { LabPart } from './lab-part.ts'
import { startServer } from './lab-server.ts'
import { seedFile } from './seed-file.ts'
import { writeOwned, writeServerFiles } from './server-files.ts'

const SERVER = 'redis-server'
const MARKER = 'seeded'

/**
 * Only who brings a certificate of the cluster's gets to them: passwords would add nothing.
 * Nobody may change the server itself, and there is no account besides these.
 */
const ACL = `user default off
user alice on nopass ~* &* +@all -@admin
user reader on nopass ~* &* +@read +@connection +@pubsub +info
`

/** Redis, where `redis-server` is on PATH. Seeded by its own log of commands, so nobody has to connect for that. */
export function redis(path?: string): LabPart {
  const server = findProgram(SERVER, path)
  return {
    title: 'Redis',
    name: 'redis',
    database: {
      name: 'sessions',
      protocol: 'redis',
      databaseName: undefined,
      description: 'Who is signed in at the web shop',
      labels: { env: 'prod', team: 'platform' },
    },
    programs: [server],
    async seed({ folder, account }) {
      if ((await readFile(join(folder, MARKER), 'utf8').catch(() => '')) !== '') return
      await mkdir(folder, { recursive: true, mode: 0o700 })
      if (account !== undefined) await chown(folder, account.uid, account.gid)
      await chmod(folder, 0o700)
      const lines = (await readFile(seedFile('sessions.redis'), 'utf8')).split('\n').filter(line => line !== '' && !line.startsWith('#'))
      const log = Buffer.concat(lines.map(line => encodeCommand(line.split(' '))))
      // The old single-file form: Redis 7 reads it too, and goes on in its own.
      await writeOwned(join(folder, 'appendonly.aof'), log.toString('utf8'), account)
      await writeFile(join(folder, MARKER), `${new Date().toISOString()}\n`, { flag: 'wx' })
    },
    async start({ folder, account, port, log }, certificate) {
      await writeServerFiles(folder, account, certificate, { 'users.acl': ACL })
      return startServer({
        title: 'Redis',
        command: [
          server!,
          ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--dir', folder],
          ...['--tls-cert-file', 'server.crt', '--tls-key-file', 'server.key', '--tls-ca-cert-file', 'clients-ca.crt'],
          ...['--tls-auth-clients', 'yes', '--aclfile', 'users.acl', '--maxclients', '10000'],
          ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--daemonize', 'no'],
        ],
        account,
        cwd: folder,
        ready: 'Ready to accept connections',
        trouble: /\d \S+ #|FATAL|\*\*\*|ERR/,
        endSignal: 'TERM',
        cutSignal: 'SIGKILL',
        log,
      })
    },
  }
}
