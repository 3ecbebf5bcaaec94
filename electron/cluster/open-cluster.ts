import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { openAuthGrpc, type AuthGrpc } from './auth/grpc-server.ts'
import { openAuth, type OpenAuth } from './auth/open-auth.ts'
import type { AuthConfig, ClusterConfig, OwnPort, ProxyConfig } from './config/cluster-config.ts'
import { configError, refuseConfig } from './config/config-source.ts'
import { listenKey } from './config/proxy-config.ts'
import { selfSignedWebCertificate } from './config/web-certificate.ts'
import { openWebCertificates } from './config/web-certificates.ts'
import { openAgent } from './database/agent.ts'
import { dialLocalAgents } from './database/dial-agent.ts'
import { openDatabaseProxy } from './database/proxy-service.ts'
import type { Opened } from './opened.ts'
import { openOperations } from './operations/open-operations.ts'
import { openOwnPort, portsToOpen, tunnelIsWeb, unservedPorts, type SharedOptions } from './operations/own-ports.ts'
import { openListener } from './router/listener.ts'
import type { HandlerName } from './router/route.ts'
import { openRouter } from './router/router.ts'
import { seedAuth } from './seed.ts'
import { hostIdOf } from './storage/host-id.ts'
import { openStorage } from './storage/open-storage.ts'
import { proxySettings } from './web/proxy-settings.ts'
import { openWebApi } from './web/web-api.ts'

export interface OpenClusterOptions {
  readonly log: Log
  readonly signal?: AbortSignal | undefined
  readonly now: () => number
  /** Runs when the auth service is open and before anything listens: what it adds is there from the first connection on. */
  readonly prepare?: ((auth: OpenAuth) => Promise<void>) | undefined
}

export interface Cluster {
  readonly address: Address
  /** What listens besides the single port. */
  readonly ports: Readonly<Partial<Record<OwnPort | 'auth', Address>>>
  /** Where metrics and health are. */
  readonly diag: Address | undefined
  readonly clusterName: string
  /** PEM file that a client trusts for the web certificate. */
  readonly caFile: string
  readonly auth: OpenAuth
  /** Reads the web certificates anew: new connections get them, open ones go on. What cannot be used is logged, not taken. */
  reload(): void
  /** Tells that it is not ready, refuses new connections at once, gives open ones `drainMs`, then cuts them. Idempotent. */
  close(drainMs?: number): Promise<void>
}

/** Names under which a cluster on this machine is reached. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'] as const

/** What a handler exists for in a whole cluster: the ports of their own that can be opened, and what `check` tells. */
export const SERVED: ReadonlySet<HandlerName> = new Set<HandlerName>(['web', 'auth', 'postgres', 'database'])

/** Storage, auth, router, web API, database proxy and its agent in one process. What is opened is added to `opened`. */
export async function openCluster(
  config: ClusterConfig & { readonly auth: AuthConfig; readonly proxy: ProxyConfig },
  { log, signal, now, prepare }: OpenClusterOptions,
  opened: Opened,
): Promise<Cluster> {
  const { auth: authSettings, proxy } = config
  refuseConfig(
    config,
    unservedPorts(proxy, handler => SERVED.has(handler)),
  )
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  await chmod(config.dataDir, 0o700)
  const operations = await bound(config, ['teleport', 'diag_addr'], () => openOperations(config.operations, log, now))
  opened.add(() => operations.close())
  const hosts = [...new Set([...proxy.publicAddresses.web.map(({ host }) => host), ...OWN_NAMES])]
  const web = await openWeb(
    config,
    proxy,
    authSettings.clusterName,
    hosts,
    log,
    now,
    operations.metrics.counter('portico_certificate_reloads_total', 'Reloads of web certificates, by outcome.', ['outcome']),
  )
  opened.add(() => web.close())

  const storage = await openStorage(config.storage, { log, now })
  opened.add(() => storage.close())
  const { clusterName, secondFactor } = authSettings
  const auth = await openAuth({ clusterName, storage, secondFactor, log, now })
  opened.add(() => auth.close())
  await seedAuth(auth, authSettings)
  await prepare?.(auth)
  signal?.throwIfAborted()

  // It was kept with the shared state once.
  const earlier = (await storage.get('host-id'))?.value
  const hostId = await hostIdOf(config.dataDir, typeof earlier === 'string' ? earlier : undefined)
  const hostKeyPair = await auth.hostKeyPair('Proxy', hostId, config.nodename, hosts)
  const authKeyPair = await auth.hostKeyPair('Auth', hostId, config.nodename, hosts)
  const agent = await openAgent({ auth, host: { hostId, hostname: config.nodename }, databases: config.databases, log, now })
  opened.add(() => agent.close())

  let address = proxy.web
  const ports: { [K in OwnPort | 'auth']?: Address } = {}
  const publicAddresses = (): readonly Address[] => {
    const named = proxy.publicAddresses.web.map(name => (name.port === 0 ? { ...name, port: address.port } : name))
    return named.length > 0 ? named : [{ host: 'localhost', port: address.port }]
  }
  const webApi = openWebApi({
    auth,
    listen: () => address,
    publicAddresses,
    proxySettings: () =>
      proxySettings({
        version: config.version,
        listenerMode: authSettings.listenerMode,
        publicAddresses: proxy.publicAddresses,
        kubeEnabled: proxy.kubeEnabled,
        web: address,
        ports: { ...ports, ...(tunnelIsWeb(proxy) ? { tunnel: address } : {}) },
      }),
    log,
    now,
  })
  opened.add(() => webApi.close())
  const database = openDatabaseProxy({ auth, hostKeyPair: () => hostKeyPair, dialAgent: dialLocalAgents(() => [agent]), log, now })
  const clientCas = (): readonly string[] => [...auth.ca('host').tls, ...auth.ca('user').tls]
  signal?.throwIfAborted()
  // Opened when the port is known; no connection can come before that.
  const late: { grpc?: AuthGrpc } = {}
  const shared: SharedOptions = {
    clusterName,
    webKeyPair: web.pick,
    hostKeyPair: () => hostKeyPair,
    clientCas,
    handlers: {
      web: webApi.serve,
      auth: (stream, handshake) => late.grpc?.serve(stream, handshake),
      postgres: database.postgres,
      database: database.database,
    },
    proxyProtocol: proxy.proxyProtocol.accepted ? 'on' : 'off',
    ...(proxy.proxyProtocol.from.length > 0 ? { proxyProtocolFrom: proxy.proxyProtocol.from } : {}),
    count: operations.count,
    observer: operations.observer,
    log,
    now,
  }
  const plainSsh = tunnelIsWeb(proxy) ? ({ plainSsh: 'reverse-tunnel' } as const) : {}
  const router = await bound(config, ['proxy_service', 'web_listen_addr'], () => openRouter({ ...shared, ...plainSsh, listen: proxy.web }))
  address = router.address
  const listeners: { close(drainMs: number): Promise<void> }[] = [router]
  opened.add(() => Promise.all(listeners.map(listener => listener.close(0))))
  for (const [port, listen] of portsToOpen(proxy, handler => shared.handlers[handler] !== undefined)) {
    const listener = await bound(config, ['proxy_service', listenKey(port)], () => openOwnPort(port, listen, shared))
    listeners.push(listener)
    ports[port] = listener.address
  }
  if (authSettings.listen !== undefined) {
    const { listen } = authSettings
    const listener = await bound(config, ['auth_service', 'listen_addr'], () => openAuthPort(listen, shared))
    listeners.push(listener)
    ports.auth = listener.address
  }
  const grpc = openAuthGrpc({
    auth,
    hostKeyPair: () => authKeyPair,
    clientCas,
    log,
    publicAddress: formatAddress(publicAddresses()[0] ?? address),
    now,
  })
  late.grpc = grpc
  operations.become('ok')
  let closing: Promise<void> | undefined
  const close = async (drainMs: number): Promise<void> => {
    operations.become('draining')
    const drained = Promise.all(listeners.map(listener => listener.close(drainMs)))
    // Sessions that only wait for the next call would take all of that time.
    webApi.close()
    await grpc.close(Math.min(drainMs, 1_000))
    await drained
    await opened.close()
  }
  return {
    address,
    ports,
    diag: operations.diag,
    clusterName,
    caFile: web.caFile,
    auth,
    reload: web.reload,
    close: (drainMs = config.operations.drainMs) => (closing ??= close(drainMs)),
  }
}

const BIND_TROUBLES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may not be used by this account',
  EADDRNOTAVAIL: 'is no address of this machine',
}

/** A port that cannot be bound is a problem of the configuration, with its place. */
async function bound<T>(config: ClusterConfig, path: readonly string[], open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (thrown) {
    const { address, why } = thrown instanceof PorticoError ? thrown.facts : {}
    const trouble = BIND_TROUBLES[String(why)]
    if (address === undefined || trouble === undefined) throw thrown
    throw configError(config, path, `${String(address)} ${trouble}`, thrown)
  }
}

interface Web {
  readonly pick: SharedOptions['webKeyPair']
  readonly caFile: string
  reload(): void
  close(): void
}

async function openWeb(
  { dataDir }: ClusterConfig,
  { keyPairs, keyPairsReloadMs }: ProxyConfig,
  clusterName: string,
  hosts: readonly string[],
  log: Log,
  now: () => number,
  reloads: { add(count: number, outcome: string): void },
): Promise<Web> {
  const [first] = keyPairs
  if (first === undefined) {
    const { keyPair, caFile } = await selfSignedWebCertificate(join(dataDir, 'web'), clusterName, hosts, now())
    return { pick: () => keyPair, caFile, reload: () => {}, close: () => {} }
  }
  const certificates = openWebCertificates({
    files: keyPairs,
    everyMs: keyPairsReloadMs,
    log,
    now,
    onReload: outcome => reloads.add(1, outcome),
  })
  return {
    pick: certificates.pick,
    caFile: first.certFile,
    reload: () => void certificates.reload(),
    close: certificates.close,
  }
}

/** The auth service without a router before it: it ends TLS itself anyway. */
function openAuthPort(listen: Address, { handlers, count, log, observer }: SharedOptions): ReturnType<typeof openListener> {
  return openListener({
    name: 'auth',
    listen,
    serve(socket, facts) {
      facts.route = 'auth'
      facts.served = true
      return handlers.auth?.(socket, {
        client: facts.peer,
        sni: undefined,
        offered: [],
        negotiated: undefined,
        identity: undefined,
        peerCertificate: undefined,
      })
    },
    count,
    log,
    observer,
  })
}
