import type { Duplex } from 'node:stream'
import { closeGently } from './close-gently.ts'

const HEAD_LIMIT = 8_192
const REQUEST_LINE = /^(GET|HEAD) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/
/** Only what a host and a port consist of: it goes into a header. */
const HOST = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/**
 * Sends a browser that speaks HTTP in clear to https, on the same host and port; everything else is just closed.
 * @returns what happened, for the log, when the answer has been written
 */
export async function redirectHttp(stream: Duplex, deadlineMs: number): Promise<string> {
  const location = locationOf(await readHead(stream, deadlineMs))
  if (location !== undefined && stream.writable) {
    stream.write(`HTTP/1.1 308 Permanent Redirect\r\nLocation: ${location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  }
  void closeGently(stream)
  return location === undefined ? 'http on this port' : 'sent to https'
}

function locationOf(head: string): string | undefined {
  const [first = '', ...fields] = head.split('\r\n')
  const path = REQUEST_LINE.exec(first)?.[2]
  const hosts = fields.flatMap(field => /^host:\s*(\S*)\s*$/i.exec(field)?.[1] ?? [])
  const host = hosts.length === 1 ? hosts[0]! : ''
  return path !== undefined && HOST.test(host) ? `https://${host}${path}` : undefined
}

/** @returns '' when it did not come whole */
function readHead(stream: Duplex, deadlineMs: number): Promise<string> {
  return new Promise(resolve => {
    let seen: Buffer = Buffer.alloc(0)
    const settle = (head: string): void => {
      clearTimeout(deadline)
      stream.off('data', take).off('end', gone).off('close', gone)
      resolve(head)
    }
    const gone = (): void => settle('')
    const take = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk])
      const end = seen.subarray(0, HEAD_LIMIT).indexOf('\r\n\r\n')
      if (end >= 0) settle(seen.toString('latin1', 0, end))
      else if (seen.length >= HEAD_LIMIT) gone()
    }
    const deadline = setTimeout(gone, deadlineMs)
    stream.on('data', take).once('end', gone).once('close', gone).resume()
  })
}
