import { get } from 'node:http'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { loadConfig } from '../../../electron/cluster/config/load-config.ts'
import type { Cluster } from '../../../electron/cluster/open-cluster.ts'
import { startCluster } from '../../../electron/cluster/start-cluster.ts'
import { NO_LOG, type Log } from '../../../electron/log/log.ts'
import type { Facts } from '../../../shared/errors.ts'

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly facts: Facts
}

export interface UnderTest {
  readonly cluster: Cluster
  readonly folder: string
  readonly lines: LogLine[]
  close(): Promise<void>
}

export interface Yaml {
  readonly version?: string
  /** Lines, indented by two, of each section. */
  readonly teleport?: string
  readonly auth?: string
  readonly proxy?: string
  readonly rest?: string
}

export async function writeYaml(
  folder: string,
  { version = 'v3', teleport = '', auth = '', proxy = '', rest = '' }: Yaml,
): Promise<string> {
  const file = join(folder, 'portico.yaml')
  const web = proxy.includes('web_listen_addr') ? '' : '  web_listen_addr: 127.0.0.1:0\n'
  await writeFile(
    file,
    `version: ${version}
teleport:
  data_dir: data
${teleport}auth_service:
  cluster_name: example
  authentication: {second_factor: off}
${auth}proxy_service:
${web}${proxy}${rest}`,
  )
  return file
}

/** A cluster of its own folder, without databases. */
export async function openUnderTest(yaml: Yaml, files: Readonly<Record<string, string>> = {}): Promise<UnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'portico cluster ü '))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const lines: LogLine[] = []
  const note = (level: string) => (event: string, facts?: Facts) => void lines.push({ level, event, facts: facts ?? {} })
  const log: Log = { ...NO_LOG, error: note('error'), warn: note('warn'), info: note('info'), debug: note('debug') }
  try {
    const cluster = await startCluster(loadConfig(await writeYaml(folder, yaml)), { log })
    const close = async (): Promise<void> => {
      await cluster.close(0)
      await rm(folder, { recursive: true, force: true })
    }
    return { cluster, folder, lines, close }
  } catch (thrown) {
    await rm(folder, { recursive: true, force: true })
    throw thrown
  }
}

export interface Answered {
  readonly status: number
  readonly body: string
}

/** undefined when nobody listens. */
export function ask(port: number, path: string): Promise<Answered | undefined> {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path, agent: false }, response => {
      let body = ''
      response.on('data', part => (body += String(part)))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', () => resolve(undefined))
  })
}

export function dial(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...options,
    })
    socket.once('secureConnect', () => resolve(socket)).once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
}

export function dialPlain(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(socket)).once('error', reject)
  })
}

/** One request on a connection that stays open. */
export function request(socket: TLSSocket, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const read = (chunk: Buffer): void => {
      text += String(chunk)
      const [head, body] = text.split('\r\n\r\n')
      const length = /content-length: (\d+)/i.exec(head ?? '')?.[1]
      if (body === undefined || length === undefined || Buffer.byteLength(body) < Number(length)) return
      socket.off('data', read)
      resolve(body)
    }
    socket.on('data', read)
    socket.once('close', () => reject(new Error('closed')))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  })
}

export const closed = (socket: Socket): Promise<void> =>
  new Promise(resolve => {
    if (socket.destroyed) return resolve()
    socket.on('error', () => {}).once('close', () => resolve())
    socket.resume()
  })

export async function eventually<T>(look: () => T | Promise<T>, ms = 3_000): Promise<NonNullable<T>> {
  const until = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found as NonNullable<T>
    if (performance.now() > until) throw new Error('did not come true in time')
    await new Promise(next => setTimeout(next, 10))
  }
}
