import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import type { Log } from '../../log/log.ts'
import { checkUserCertificate } from '../../ssh/check-certificate.ts'
import type { IncomingChannel } from '../../ssh/channel-open.ts'
import { joinStreams } from '../../ssh/join-streams.ts'
import { OPEN_REFUSED } from '../../ssh/messages/message-number.ts'
import { serveSsh } from '../../ssh/serve-ssh.ts'
import type { SshSigner } from '../../ssh/signer.ts'
import type { SshChannel } from '../../ssh/ssh-channel.ts'
import type { SshConnection } from '../../ssh/ssh-connection.ts'
import { SshReader } from '../../wire/ssh-bytes.ts'
import { SERVER_VERSION } from '../auth/messages.ts'
import { EXTENSION, GLOBAL } from '../reverse-tunnel/names.ts'
import { failedToConnect } from '../reverse-tunnel/resolve-dial.ts'
import type { Handler } from '../router/route.ts'
import { parseSubsystem } from './subsystem.ts'

/** A cluster as `proxysites` lists it. */
export interface ProxySite {
  readonly name: string
  readonly online: boolean
  /** ms since 1970 */
  readonly lastSeen: number
}

interface SshProxyOptions {
  readonly clusterName: string
  readonly hostSigner: () => SshSigner
  /** SSH keys of the user authority. */
  readonly userCas: () => readonly KeyObject[]
  /** This cluster first. */
  readonly sites: () => readonly ProxySite[]
  /** undefined: no such cluster, or it is away. @throws PorticoError proxy/unreachable */
  readonly dialAuth: (cluster: string, client: Address) => Promise<Duplex | undefined>
  readonly log: Log
  readonly now?: () => number
}

export interface SshProxy {
  /** Handler of the SSH proxy's route. */
  readonly serve: Handler
  /** Idempotent. */
  close(): void
}

interface User {
  readonly name: string
  /** The cluster that the certificate is for. */
  readonly cluster: string
  readonly client: Address
}

/** As v13: an idle connection is asked once in 5 minutes. [captured] */
const KEEP_ALIVE_MS = 300_000
const DEFAULT_PORT = 3022
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** The proxy's SSH server: who signs in with a user certificate gets subsystems, no shell. Teleport: lib/srv/regular; wire/ssh-kube-app.md 1 */
export function openSshProxy(options: SshProxyOptions): SshProxy {
  const { clusterName, userCas, log, now = Date.now } = options
  const connections = new Set<SshConnection<User>>()
  const streams = new Set<Duplex>()

  function onChannel(incoming: IncomingChannel, { session }: SshConnection<User>): void {
    if (incoming.type === 'session') return serveSession(incoming.accept(), session)
    if (incoming.type !== 'direct-tcpip') return incoming.reject(`unknown channel type: ${incoming.type}`, OPEN_REFUSED.unknownType)
    const reader = new SshReader(incoming.data)
    const [host, port] = [reader.text(), reader.uint32()]
    const channel = incoming.accept()
    channel.resume()
    // Where v13 tells it, too. [captured]
    channel.stderr.write(nodeNotFound(host.slice(0, 255), port))
    channel.close()
  }

  function serveSession(channel: SshChannel, user: User): void {
    let asked = false
    channel.onRequest(async ({ type, data }) => {
      if (type === 'auth-agent-req@openssh.com' || type === 'env') return true
      if (type !== 'subsystem' || asked) return false
      asked = true
      const outcome = await openSubsystem(new SshReader(data).text(), user)
      if (typeof outcome === 'string') {
        channel.resume()
        if (outcome !== '') channel.stderr.write(outcome.endsWith('\n') ? outcome : `${outcome}\n`)
        setImmediate(() => channel.close())
        return false
      }
      // After the reply has left.
      setImmediate(outcome, channel)
      return true
    })
  }

  /** @returns what runs on the channel, or why nothing does */
  async function openSubsystem(name: string, user: User): Promise<((channel: SshChannel) => void) | string> {
    const asked = parseSubsystem(name)
    log.debug('ssh-proxy.subsystem', { user: user.name, name: name.slice(0, 256) })
    switch (asked.kind) {
      case 'refused':
        return asked.why
      case 'sites':
        return channel => {
          channel.resume()
          channel.write(sitesDocument(options.sites()))
          channel.close()
        }
      case 'auth': {
        const stream = await dialAuth(asked.cluster, user)
        return stream === undefined ? '' : channel => void joinStreams(channel, stream)
      }
      case 'node': {
        const cluster = asked.cluster || user.cluster
        if (!options.sites().some(site => site.name === cluster && site.online)) return ''
        return nodeNotFound(asked.host, asked.port)
      }
    }
  }

  async function dialAuth(cluster: string, { client }: User): Promise<Duplex | undefined> {
    try {
      return await options.dialAuth(cluster, client)
    } catch (thrown) {
      log.debug('ssh-proxy.auth', { cluster }, thrown)
      return undefined
    }
  }

  return {
    async serve(stream, { client }) {
      streams.add(stream)
      stream.once('close', () => streams.delete(stream))
      const connection = await serveSsh<User>(stream, {
        hostKeys: [options.hostSigner()],
        authorize(user, key) {
          const { certificate } = checkUserCertificate(key, { cas: userCas(), principal: user, now: now(), from: client.host })
          return { name: certificate.keyId, cluster: certificate.extensions.get(EXTENSION.route) || clusterName, client }
        },
        onChannel,
        onGlobal(name) {
          if (name === GLOBAL.version) return Buffer.from(SERVER_VERSION, 'utf8')
          // Two booleans: sessions are recorded here, FIPS.
          if (name === GLOBAL.clusterDetails) return Buffer.from([0, 0])
          return name === GLOBAL.keepAlive
        },
        log,
      })
      connections.add(connection)
      log.info('ssh-proxy.open', { user: connection.session.name, client: client.host })
      const keepAlive = setInterval(() => {
        connection.global(GLOBAL.keepAlive).catch(() => {})
      }, KEEP_ALIVE_MS)
      void connection.closed.then(() => {
        clearInterval(keepAlive)
        connections.delete(connection)
      })
    },
    close() {
      for (const connection of connections) void connection.close()
      for (const stream of streams) stream.destroy()
    },
  }
}

/** No node is registered here; v13's words for a name that nobody knows. */
function nodeNotFound(host: string, port: number): string {
  if (UUID.test(host)) return `unable to locate node matching UUID-like target ${host}`
  const address = `${host}:${port === 0 ? DEFAULT_PORT : port}`
  return failedToConnect('node', address, 'direct dial', `no node ${JSON.stringify(host)} is registered`)
}

/** Keys in Go's order, no end of line. [captured] */
function sitesDocument(sites: readonly ProxySite[]): string {
  return JSON.stringify(
    sites.map(({ name, online, lastSeen }) => ({
      name,
      lastconnected: lastSeen === 0 ? '0001-01-01T00:00:00Z' : new Date(lastSeen).toISOString(),
      status: online ? 'online' : 'offline',
    })),
  )
}
