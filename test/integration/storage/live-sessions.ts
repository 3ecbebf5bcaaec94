import { createServer, type AddressInfo, type Socket } from 'node:net'
import { connect } from 'node:tls'
import pg from 'pg'
import type { LoginResult } from '../../../electron/client/client.ts'
import { ALPN } from '../../../shared/protocols.ts'

/** Each agent dials the one database by an address of its own: so the database tells through which agent a session came. */
export const AGENT_ADDRESSES = ['127.0.0.1', '127.0.0.2'] as const

export interface Session {
  readonly client: pg.Client
  /** Index of the agent's address. */
  readonly agent: number
  isOpen: boolean
}

export async function openSession(port: number): Promise<Session> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'portico', database: 'postgres', connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<{ address: (typeof AGENT_ADDRESSES)[number] }>('select host(inet_server_addr()) as address')
  const session = { client, agent: AGENT_ADDRESSES.indexOf(rows[0]!.address), isOpen: true }
  client.once('end', () => (session.isOpen = false))
  return session
}

export async function openSessions(port: number, count: number): Promise<Session[]> {
  const all: Session[] = []
  while (all.length < count)
    all.push(...(await Promise.all(Array.from({ length: Math.min(20, count - all.length) }, () => openSession(port)))))
  return all
}

/** How many came through that agent. */
export const through = (sessions: readonly Session[], agent: number): number => sessions.filter(session => session.agent === agent).length

export const answers = async ({ client }: Session): Promise<boolean> =>
  (await client.query<{ one: number }>('select 1 as one')).rows[0]?.one === 1

export const closeAll = (sessions: readonly Session[]): Promise<unknown> =>
  Promise.all(sessions.map(({ client }) => client.end().catch(() => {})))

export interface SmallTunnel {
  readonly port: number
  close(): void
}

/** An authenticated tunnel, kept small: every connection to its port goes to the proxy's with the certificate. */
export async function openSmallTunnel(
  proxyPort: number,
  { files }: LoginResult,
  cert: string,
  roots: readonly string[],
): Promise<SmallTunnel> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, local => {
    open.add(local)
    const upstream = connect({
      host: '127.0.0.1',
      port: proxyPort,
      servername: 'localhost',
      ca: [...roots],
      ALPNProtocols: [ALPN.postgres],
      key: files.tlsKey,
      cert,
    })
    for (const [side, other] of [
      [local, upstream],
      [upstream, local],
    ] as const) {
      side.on('error', () => {})
      side.once('close', () => other.destroy())
      side.pipe(other)
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
