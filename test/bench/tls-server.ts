import { readFirstPacket } from '../../electron/wire/postgres.ts'
import { makeCertificates } from '../kit/certificates.ts'
import { openCounterpart, type MetConnection } from '../kit/tls-counterpart.ts'

const CHUNK = Buffer.alloc(64 * 1024, 'portico ')

function send(met: MetConnection, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const part = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
      left -= part.length
      met.write(part)
      if (met.stream.writableLength > 4 * CHUNK.length) return void met.stream.once('drain', more)
    }
  }
  more()
}

function serve(met: MetConnection): void {
  let wish: string | undefined
  let left = 0
  let early = Buffer.alloc(0)
  met.onPayload(part => {
    if (wish === 'echo') return met.write(part)
    if (wish === undefined) {
      early = Buffer.concat([early, part])
      const first = readFirstPacket(early)
      if (first.state !== 'packet' || first.packet.kind !== 'startup') return
      wish = first.packet.parameters.get('kind')
      left = Number(first.packet.parameters.get('bytes'))
      if (wish === 'send') send(met, left)
      else met.write(Buffer.from('+'))
      part = early.subarray(first.length)
    }
    if (wish === 'take' && (left -= part.length) === 0) met.write(Buffer.from('.'))
  })
  met.stream.once('end', () => met.stream.end())
}

/** Child process: the far end of both ways. argv: ALPN names. Tells its port and certificates to its parent. */
const certificates = await makeCertificates()
const [server, database] = await Promise.all([certificates.server(), certificates.database()])
const counterpart = await openCounterpart({ server, clientRoots: [certificates.userRoot], alpn: process.argv.slice(2), serve })
process.send!({ port: counterpart.port, webRoot: certificates.webRoot, database })
process.once('disconnect', () => process.exit(0))
