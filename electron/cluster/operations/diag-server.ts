import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { Metrics } from './metrics.ts'

export type Readiness = 'starting' | 'ok' | 'draining'

export interface DiagServerOptions {
  readonly listen: Address
  readonly metrics: Metrics
  readonly readiness: () => Readiness
  readonly log: Log
}

export interface DiagServer {
  readonly address: Address
  /** Idempotent. */
  close(): Promise<void>
}

/** Operators' programs ask one at a time. */
const CONNECTIONS = 64

/**
 * `/healthz` (the process runs), `/readyz` (it takes connections; 503 otherwise), `/metrics`, in clear: for the machine itself or a network
 * that operators trust. Teleport: lib/service/service.go initDiagnosticService
 * @throws PorticoError `cluster/config` when the port cannot be bound
 */
export async function openDiagServer({ listen, metrics, readiness, log }: DiagServerOptions): Promise<DiagServer> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 8_192 },
    (request, response) => answer(request, response, metrics, readiness()),
  )
  server.maxConnections = CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(
        new PorticoError(
          'cluster/config',
          { key: 'teleport.diag_addr', address: formatAddress(listen), why: error.code ?? error.message },
          error,
        ),
      )
    server.once('error', failed).listen({ host: listen.host, port: listen.port }, () => {
      server.off('error', failed)
      resolve()
    })
  })
  server.on('error', error => log.error('diag.listener', {}, error))
  const bound = server.address()
  const address = { host: listen.host, port: bound !== null && typeof bound === 'object' ? bound.port : listen.port }
  log.info('diag.open', { address: formatAddress(address) })
  let closing: Promise<void> | undefined
  return {
    address,
    close: () =>
      (closing ??= new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })),
  }
}

function answer(request: IncomingMessage, response: ServerResponse, metrics: Metrics, readiness: Readiness): void {
  response.on('error', () => {})
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  const status = (code: number, word: string): void => send(code, 'application/json', `{"status":"${word}"}\n`)
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'only GET\n')
  switch ((request.url ?? '').replace(/[?#].*$/s, '')) {
    case '/healthz':
      return status(200, 'ok')
    case '/readyz':
      return status(readiness === 'ok' ? 200 : 503, readiness)
    case '/metrics':
      return send(200, 'text/plain; version=0.0.4; charset=utf-8', metrics.text())
    default:
      return send(404, 'text/plain', 'there are /healthz, /readyz and /metrics\n')
  }
}
