import type { Duplex } from 'node:stream'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openAuth } from '../../../electron/cluster/auth/open-auth.ts'
import type { Router } from '../../../electron/cluster/router/router.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { openWebApi } from '../../../electron/cluster/web/web-api.ts'
import { openUnderTest, type UnderTest } from './router-under-test.ts'

/** A router whose web handler is the real web API; the other handlers echo. */
export async function openUpgradable(): Promise<UnderTest> {
  const storage = openMemoryStorage()
  const auth = await openAuth({ clusterName: 'root.example', storage, secondFactor: 'off', log: NO_LOG })
  const late: { router?: Router } = {}
  const proxy = { host: 'localhost', port: 1 }
  const web = openWebApi({
    auth,
    listen: () => proxy,
    publicAddresses: () => [proxy],
    serveUpgraded: (stream, outer) => late.router?.serveUpgraded(stream, outer),
    log: NO_LOG,
  })
  const under = await openUnderTest({}, { web: web.serve })
  late.router = under.router
  return {
    ...under,
    async close() {
      web.close()
      await under.close()
      await auth.close()
      await storage.close()
    },
  }
}

export interface Answered {
  /** Status line and fields, as they came. */
  readonly head: string
  /** What follows the head is still in it. */
  readonly stream: TLSSocket
}

/** Sends a request head over TLS without ALPN, as a balancer does, and reads the head of the answer. `behind` goes out in the same write. */
export function request(
  port: number,
  fields: readonly string[],
  behind: Buffer = Buffer.alloc(0),
  path = '/webapi/connectionupgrade',
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const stream = connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () => {
      stream.write(Buffer.concat([Buffer.from([`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n')), behind]))
    })
    let seen = Buffer.alloc(0)
    const take = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk])
      const end = seen.indexOf('\r\n\r\n')
      if (end < 0) return
      stream.off('data', take).pause()
      const rest = seen.subarray(end + 4)
      if (rest.length > 0) stream.unshift(rest)
      resolve({ head: seen.toString('latin1', 0, end), stream })
    }
    stream
      .on('data', take)
      .on('error', reject)
      .once('close', () => reject(new Error('closed')))
  })
}

/** TLS inside. @returns the certificate's name, what was negotiated, and what the handler echoed of `say` */
export function askInside(inner: Duplex, options: ConnectionOptions, say: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({ socket: inner, servername: 'localhost', rejectUnauthorized: false, ...options })
    let bytes = Buffer.alloc(0)
    secure.once('secureConnect', () => secure.write(say))
    secure.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const greeting = bytes.indexOf('\n') + 1
      if (greeting === 0 || bytes.length < greeting + say.length) return
      const same = bytes.subarray(greeting).equals(say)
      resolve(`${secure.getPeerX509Certificate()?.subject} ${secure.alpnProtocol} ${bytes.toString('latin1', 0, greeting - 1)} ${same}`)
      secure.destroy()
      inner.destroy()
    })
    secure.on('error', reject).once('close', () => reject(new Error('closed')))
  })
}
