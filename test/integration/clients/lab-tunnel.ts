import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabPart } from '../../../electron/cluster/lab/lab-part.ts'
import type { LabServer } from '../../../electron/cluster/lab/lab-server.ts'
import { startLab, type Lab, type StartLabOptions } from '../../../electron/cluster/lab/start-lab.ts'
import type { EngineEvent } from '../../../electron/engine/engine.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { decodeIdentity } from '../../../electron/wire/identity.ts'
import { openDataPlane } from '../../kit/run-data-plane.ts'
import { certificateFor } from '../cluster/lab-client.ts'

/** A lab of its own in this process, with these servers besides PostgreSQL. */
export const labWith = (parts: readonly LabPart[], mongo?: string, more: Pick<StartLabOptions, 'certTtlMs'> = {}): Promise<Lab> =>
  startLab({ home: '', ephemeral: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG, parts, mongo, ...more })

/** The same part, which a test may stop and start again under its lab. */
export interface RestartedPart {
  readonly part: LabPart
  /** host:port of the server itself, past the cluster. */
  port(): number
  stop(): Promise<void>
  start(): Promise<void>
}

export function restarted(part: LabPart): RestartedPart {
  let running: LabServer
  let again: () => Promise<LabServer>
  let port = 0
  return {
    part: {
      ...part,
      async start(options, certificate) {
        port = options.port
        again = () => part.start(options, certificate)
        running = await again()
        return { ended: running.ended, stop: () => running.stop() }
      },
    },
    port: () => port,
    stop: () => running.stop(),
    async start() {
      running = await again()
    },
  }
}

export interface LabTunnel {
  readonly port: number
  readonly events: readonly EngineEvent[]
  /** For a client that does TLS itself: passthrough only. PEM, and files of them. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string; readonly both: string }
  close(): Promise<void>
}

export interface LabTunnelOptions {
  readonly name: string
  readonly protocol: string
  readonly databaseUser: string
  readonly databaseName?: string
  readonly mode: 'authenticated' | 'passthrough'
  readonly user?: string
  /** Of a balancer before the lab. */
  readonly proxyPort?: number
}

/** The engine's own data plane before the lab, with a certificate of the lab's auth service. */
export async function openLabTunnel(
  lab: Lab,
  { name, protocol, databaseUser, databaseName = '', mode, user = 'alice', proxyPort = lab.running.address.port }: LabTunnelOptions,
): Promise<LabTunnel> {
  const certificate = await certificateFor(lab, user, {
    ServiceName: name,
    Protocol: protocol,
    Username: databaseUser,
    Database: databaseName,
  })
  const { notAfter } = decodeIdentity(certificate.cert)
  const plane = openDataPlane({ credentials: async () => ({ ...certificate, notAfter }) })
  const listening = await plane.start({
    id: name,
    dbProtocol: protocol,
    mode,
    listen: { hosts: ['127.0.0.1'], port: 0, socket: null },
    upstream: {
      proxy: { host: '127.0.0.1', port: proxyPort },
      servername: 'localhost',
      roots: [readFileSync(lab.caFile, 'utf8')],
      certificate: null,
    },
    holdMs: 5_000,
  })
  const folder = mkdtempSync(join(tmpdir(), 'portico files '))
  const file = (called: string, text: string): string => {
    writeFileSync(join(folder, called), text, { mode: 0o600 })
    return join(folder, called)
  }
  const ca = lab.running.auth.ca('host').tls.join('')
  return {
    port: listening.port,
    events: plane.events,
    tls: { ca, ...certificate },
    files: {
      ca: file('ca.pem', ca),
      cert: file('cert.pem', certificate.cert),
      key: file('key.pem', certificate.key),
      both: file('both.pem', certificate.cert + certificate.key),
    },
    async close() {
      await plane.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
