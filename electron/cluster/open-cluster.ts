import { chmod, mkdir } from 'node:fs/promises'
import { formatAddress, type Address } from '../../shared/address.ts'
import type { Log } from '../log/log.ts'
import { parseSshKey } from '../wire/ssh-keys.ts'
import { openAuthGrpc, type AuthGrpc } from './auth/grpc-server.ts'
import { openJoinTokens, type JoinTokens } from './auth/join-tokens.ts'
import { openAuth, type OpenAuth } from './auth/open-auth.ts'
import type { AuthConfig, ClusterConfig, OwnPort, ProxyConfig } from './config/cluster-config.ts'
import { bound } from './config/bound.ts'
import { certificateHosts } from './config/certificate-hosts.ts'
import { refuseConfig } from './config/config-source.ts'
import { listenKey } from './config/proxy-config.ts'
import { openWeb } from './config/open-web.ts'
import { openAgent } from './database/agent.ts'
import { openDatabaseProxy } from './database/proxy-service.ts'
import { webRoots } from './joined/web-post.ts'
import type { TrustedClusterConfig } from './leaf/join-root.ts'
import { keepRoots } from './leaf/keep-roots.ts'
import type { Opened } from './opened.ts'
import { openOperations } from './operations/open-operations.ts'
import { openOwnPort, portsToOpen, tunnelIsWeb, unservedPorts, type SharedOptions } from './operations/own-ports.ts'
import { openSite } from './reverse-tunnel/open-site.ts'
import { openListener } from './router/listener.ts'
import { bareHandshake, type HandlerName } from './router/route.ts'
import { openRefusingServices } from './router/refusing-services.ts'
import { openRouter, type Router } from './router/router.ts'
import { readSecret, seedAuth } from './seed.ts'
import { hostIdOf } from './storage/host-id.ts'
import { openStorage } from './storage/open-storage.ts'
import { openSshProxy } from './ssh/ssh-proxy.ts'
import { openAuthHttp } from './web/auth-http.ts'
import { hostCredentials } from './web/host-credentials.ts'
import { proxySettings } from './web/proxy-settings.ts'
import { JOINS, limited, RateLimit } from './web/rate-limit.ts'
import { validateTrustedCluster } from './web/trusted-clusters.ts'
import { openWebApi, type WebApiOptions } from './web/web-api.ts'

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
  /** With which services and leaf clusters may join. */
  readonly tokens: JoinTokens
  /** Reads the web certificates anew: new connections get them, open ones go on. What cannot be used is logged, not taken. */
  reload(): void
  /** Tells that it is not ready, refuses new connections at once, gives open ones `drainMs`, then cuts them. Idempotent. */
  close(drainMs?: number): Promise<void>
}

/** What a handler exists for in a whole cluster: the ports of their own that can be opened, and what `check` tells. */
export const SERVED: ReadonlySet<HandlerName> = new Set<HandlerName>([
  'web',
  'auth',
  'postgres',
  'mysql',
  'database',
  'reverse-tunnel',
  'ssh',
])

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
  const hosts = certificateHosts(proxy)
  const web = await openWeb(config, proxy, authSettings.clusterName, hosts, { log, now, metrics: operations.metrics })
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
  // Opened when the port is known; no connection can come before that.
  const late: { grpc?: AuthGrpc; router?: Router } = {}
  const roots = await webRoots(config.extraRoots)
  const site = await openSite({
    auth,
    storage,
    hostId,
    nodename: config.nodename,
    hosts,
    hostKeyPair: () => hostKeyPair,
    agents: () => [agent],
    serveAuth: (stream, handshake) => late.grpc?.serve(stream, handshake),
    webRoots: roots,
    log,
    now,
  })
  opened.add(() => site.close())
  const sshProxy = openSshProxy({
    clusterName,
    hostSigner: () => site.hostSigner,
    userCas: () => auth.ca('user').ssh.map(parseSshKey),
    sites: () => [{ name: clusterName, online: true, lastSeen: now() }, ...site.leaves.list()],
    dialAuth: async (cluster, client) => (cluster === clusterName ? site.openAuth({ client }) : site.leaves.dialAuth(cluster, client)),
    log,
    now,
  })
  opened.add(() => sshProxy.close())

  const tokens = openJoinTokens(
    storage,
    await Promise.all(authSettings.tokens.map(async ({ roles, secret }) => ({ roles, secret: await readSecret(secret) }))),
  )

  let address = proxy.web
  const ports: { [K in OwnPort | 'auth']?: Address } = {}
  const { web: webNames, ...otherNames } = proxy.publicAddresses
  const publicAddresses = (): readonly Address[] => {
    const named = webNames.map(name => (name.port === 0 ? { ...name, port: address.port } : name))
    return [...(named.length > 0 ? named : [{ host: 'localhost', port: address.port }]), ...Object.values(otherNames).flat()]
  }
  const joins = new RateLimit(now, JOINS)
  const webOptions: WebApiOptions = {
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
    posts: {
      '/webapi/host/credentials': limited(joins, request => hostCredentials({ auth, tokens, request })),
      '/webapi/trustedclusters/validate': limited(joins, request => validateTrustedCluster({ auth, tokens, request })),
    },
    log,
    now,
  }
  const webApi = openWebApi({ ...webOptions, serveUpgraded: (stream, outer) => late.router?.serveUpgraded(stream, outer) })
  const bootstrapWeb = openWebApi({ ...webOptions, only: ['/webapi/find', '/webapi/host/credentials'] })
  opened.add(() => webApi.close())
  opened.add(() => bootstrapWeb.close())
  const database = openDatabaseProxy({
    auth,
    hostKeyPair: () => hostKeyPair,
    dialAgent: site.dialAgent,
    leafSite: cluster => site.leaves.site(cluster),
    log,
    now,
  })
  const clientCas = (): readonly string[] => [...auth.ca('host').tls, ...auth.ca('user').tls]
  const trustedCas = (cluster?: string): readonly string[] =>
    [...auth.trustedCas('host'), ...auth.trustedCas('user')]
      .filter(ca => cluster === undefined || ca.cluster === cluster)
      .flatMap(ca => ca.tls)
  signal?.throwIfAborted()
  const refusing = openRefusingServices()
  opened.add(() => refusing.close())
  const shared: SharedOptions = {
    clusterName,
    webKeyPair: web.pick,
    hostKeyPair: () => hostKeyPair,
    clientCas,
    trustedCas,
    redirectHttp: true,
    dialLeafAuth: (cluster, { client }) => site.leaves.dialAuth(cluster, client),
    handlers: {
      web: webApi.serve,
      auth: (stream, handshake) => late.grpc?.serve(stream, handshake),
      postgres: database.postgres,
      mysql: database.mysql,
      database: database.database,
      ...refusing.handlers,
      'reverse-tunnel': site.tunnels.serve,
      ssh: sshProxy.serve,
    },
    proxyProtocol: proxy.proxyProtocol.accepted ? 'on' : 'off',
    ...(proxy.proxyProtocol.from.length > 0 ? { proxyProtocolFrom: proxy.proxyProtocol.from } : {}),
    plainPostgres: proxy.ports.postgres === undefined,
    bootstrapWeb: bootstrapWeb.serve,
    count: operations.count,
    observer: operations.observer,
    log,
    now,
  }
  const plainSsh = tunnelIsWeb(proxy) ? ({ plainSsh: 'reverse-tunnel' } as const) : {}
  const router = await bound(config, ['proxy_service', 'web_listen_addr'], () => openRouter({ ...shared, ...plainSsh, listen: proxy.web }))
  address = router.address
  late.router = router
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
  const authHttp = openAuthHttp({ clusters: site.leaves.list, log, now })
  opened.add(() => authHttp.close())
  const grpc = openAuthGrpc({
    auth,
    serveHttp: authHttp.serve,
    hostKeyPair: () => authKeyPair,
    clientCas: () => trustedCas(),
    isReachable: site.isReachable,
    log,
    publicAddress: formatAddress(publicAddresses()[0] ?? address),
    now,
  })
  late.grpc = grpc
  const leafOf = await keepRoots({ auth, configured: trustedClusters(authSettings), webRoots: roots, log })
  opened.add(() => leafOf.close())
  operations.become('ok')
  let closing: Promise<void> | undefined
  const close = async (drainMs: number): Promise<void> => {
    operations.become('draining')
    site.drain()
    const drained = Promise.all(listeners.map(listener => listener.close(drainMs)))
    // Sessions that only wait for the next call would take all of that time.
    webApi.close()
    bootstrapWeb.close()
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
    tokens,
    reload: web.reload,
    close: (drainMs = config.operations.drainMs) => (closing ??= close(drainMs)),
  }
}

function trustedClusters({ trustedClusters: given }: AuthConfig): readonly TrustedClusterConfig[] {
  return given.map(({ token, ...config }) => ({ ...config, token: () => readSecret(token) }))
}

/** The auth service without a router before it: it ends TLS itself anyway. */
function openAuthPort(listen: Address, { handlers, count, log, observer }: SharedOptions): ReturnType<typeof openListener> {
  return openListener({
    name: 'auth',
    listen,
    serve(socket, facts) {
      facts.route = 'auth'
      facts.served = true
      return handlers.auth?.(socket, bareHandshake(facts.peer))
    },
    count,
    log,
    observer,
  })
}
