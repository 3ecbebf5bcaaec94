import { request, type IncomingMessage } from 'node:http'
import { createServer as createHttps, request as requestTls, type Server as HttpsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTls, type Server as TlsServer, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import { agentOf, removeFolders, sharedDatabase, TOKEN, type AgentUnderTest } from '../cluster/agent-under-test.ts'
import { labWith, openLabTunnel, type LabTunnel, type LabTunnelOptions } from './lab-tunnel.ts'

const RAW = ['sqlserver', 'cassandra', 'oracle', 'clickhouse'] as const
const HTTP = ['snowflake', 'elasticsearch', 'opensearch', 'dynamodb', 'clickhouse-http'] as const
const DENIED = 'access to db denied. User does not have permissions. Confirm database user and name.'

/** Real TLS servers that let certificates of the cluster's database authority in: one echoes, one speaks HTTP. */
describe('tunnels to databases whose protocol goes through as it is', () => {
  let lab: Lab
  let agent: AgentUnderTest
  let echo: TlsServer
  let web: HttpsServer
  const met = new Set<TLSSocket>()
  const tunnels: LabTunnel[] = []

  async function tunnel(protocol: string, more: Partial<LabTunnelOptions> = {}): Promise<LabTunnel> {
    const options = {
      name: `a-${protocol}`,
      protocol,
      databaseUser: 'alice',
      databaseName: 'main',
      mode: 'authenticated' as const,
      ...more,
    }
    const open = await openLabTunnel(lab, options)
    tunnels.push(open)
    return open
  }

  const portOf = (server: TlsServer | HttpsServer): number => (server.address() as AddressInfo).port

  beforeAll(async () => {
    lab = await labWith([])
    const { key, cert, caCerts } = await lab.running.auth.signDatabaseServer(['localhost', '127.0.0.1'], 3_600_000)
    const options = { key, cert, ca: [...caCerts], requestCert: true, rejectUnauthorized: true }
    echo = createTls({ ...options, allowHalfOpen: true } as Parameters<typeof createTls>[0], socket => {
      met.add(socket)
      socket.once('close', () => met.delete(socket)).on('error', () => {})
      socket.pipe(socket)
    })
    web = createHttps(options, (asked, answer) => {
      const { subject } = (asked.socket as TLSSocket).getPeerCertificate()
      answer.setHeader('Content-Type', 'application/json')
      answer.end(JSON.stringify({ method: asked.method, url: asked.url, host: asked.headers.host, certificate: subject.CN }))
    })
    for (const server of [echo, web]) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    await lab.running.tokens.add({ secret: TOKEN, roles: ['db'] })
    const resource = (protocol: string, at: number) => ({
      ...sharedDatabase(lab, `a-${protocol}`),
      dbProtocol: protocol,
      uri: `localhost:${at}`,
    })
    agent = await agentOf(lab, [
      ...RAW.map(protocol => resource(protocol, portOf(echo))),
      ...HTTP.map(protocol => resource(protocol, portOf(web))),
      { ...resource('cassandra', 1), name: 'away' },
      { ...resource('elasticsearch', 1), name: 'away-http' },
    ])
  }, 60_000)
  afterAll(async () => {
    for (const open of tunnels) await open.close()
    await agent?.close()
    await lab?.close(0)
    for (const socket of met) socket.destroy()
    echo?.close()
    web?.closeAllConnections()
    web?.close()
    await removeFolders()
  }, 30_000)

  function raw(at: number): { socket: Socket; said(): Buffer; closed: Promise<void> } {
    const socket = connect({ port: at, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
    const parts: Buffer[] = []
    socket.on('data', part => parts.push(part)).once('end', () => socket.end())
    return { socket, said: () => Buffer.concat(parts), closed: new Promise(resolve => socket.once('close', () => resolve())) }
  }

  function ask(port: number, path: string, tls?: LabTunnel['tls']): Promise<{ status: number; body: any }> {
    return new Promise((resolve, reject) => {
      const at = { port, host: 'localhost', family: 4, path, agent: false } as const
      const began = (answer: IncomingMessage): void => {
        let text = ''
        answer.on('data', part => (text += String(part)))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }))
      }
      const asked = tls === undefined ? request(at, began) : requestTls({ ...at, ...tls }, began)
      asked.once('error', reject).end()
    })
  }

  it.each(RAW)('%s: 4 MB go there and back, and the end with them', async protocol => {
    const { socket, said, closed } = raw((await tunnel(protocol)).port)
    const bytes = Buffer.alloc(4 * 1024 * 1024, `${protocol} `)
    socket.end(bytes)
    await closed
    expect([said().length, said().subarray(0, 200).toString('latin1')]).toEqual([bytes.length, bytes.subarray(0, 200).toString('latin1')])
  })

  it.each(HTTP)('%s: is asked over HTTP, with the account’s certificate', async protocol => {
    const { port: at } = await tunnel(protocol)
    expect(await ask(at, '/_search?q=é'.replace('é', '%C3%A9'))).toEqual({
      status: 200,
      body: { method: 'GET', url: '/_search?q=%C3%A9', host: `localhost:${at}`, certificate: 'alice' },
    })
  })

  it.each(HTTP.filter(protocol => !DATABASE_PROTOCOLS[protocol]!.tunnelOnly))('%s: passthrough too', async protocol => {
    const open = await tunnel(protocol, { mode: 'passthrough' })
    expect(await ask(open.port, '/', open.tls)).toMatchObject({ status: 200, body: { certificate: 'alice' } })
  })

  it.each(RAW)('%s: who may not be this user is closed without a word', async protocol => {
    const { socket, said, closed } = raw((await tunnel(protocol, { databaseUser: 'root' })).port)
    socket.write('hello')
    await closed
    expect(said()).toHaveLength(0)
  })

  it.each(HTTP)('%s: who may not be this user is told so in JSON', async protocol => {
    const { port: at } = await tunnel(protocol, { databaseUser: 'root' })
    expect(await ask(at, '/')).toEqual({
      status: 403,
      body: { error: { type: 'access_denied', reason: DENIED }, message: DENIED, status: 403 },
    })
  })

  it('a database that is away closes, or says so where it speaks HTTP', async () => {
    const { socket, said, closed } = raw((await tunnel('cassandra', { name: 'away' })).port)
    socket.write('hello')
    await closed
    expect(said()).toHaveLength(0)
    expect(await ask((await tunnel('elasticsearch', { name: 'away-http' })).port, '/')).toMatchObject({
      status: 502,
      body: { error: { reason: 'connection refused' } },
    })
  })

  it('500 connections at once, each with its own bytes', async () => {
    const { port: at } = await tunnel('clickhouse')
    const said = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        const one = raw(at)
        one.socket.end(`number ${n}`)
        await one.closed
        return String(one.said())
      }),
    )
    expect(said).toEqual(Array.from({ length: 500 }, (_, n) => `number ${n}`))
  }, 60_000)

  it('ends at once when the database or the agent goes', async () => {
    const { port: at } = await tunnel('oracle')
    const begin = async (): Promise<{ closed: Promise<void> }> => {
      const { socket, closed } = raw(at)
      const answered = new Promise(resolve => socket.once('data', resolve))
      socket.write('x')
      await answered
      return { closed }
    }
    const first = await begin()
    const began = Date.now()
    for (const socket of met) socket.destroy()
    await first.closed
    const second = await begin()
    await agent.close()
    await second.closed
    expect(Date.now() - began).toBeLessThan(5_000)
  })
})
