import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { EarlyBytes } from '../../../electron/engine/early-bytes.ts'
import { introduce, type Introduction } from '../../../electron/engine/introduce.ts'

let server: Server
let client: Socket
let local: Socket

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {})
  ;[local] = (await once(server, 'connection')) as [Socket]
})
afterEach(() => {
  client.destroy()
  local.destroy()
  server.close()
})

/** Introduces `local` to an upstream that ended before anybody listened, after it had said `said`. */
async function afterItsEnd(said: readonly string[]): Promise<Introduction> {
  const stream = new PassThrough()
  stream.end().resume()
  await once(stream, 'end')
  const early = said.map(text => Buffer.from(text))
  const onRead = (reader: (part: Buffer) => void): void => {
    for (const part of early.splice(0)) reader(part)
  }
  return new Promise(resolve => introduce(new EarlyBytes(local), { stream, framed: false, onRead }, () => true, resolve))
}

it('hears that an upstream had ended without a word', async () => {
  expect(await afterItsEnd([])).toEqual({ state: 'silent', error: undefined })
})

it('passes on what an upstream said before it ended', async () => {
  expect(await afterItsEnd(['no entry'])).toEqual({ state: 'met', first: Buffer.from('no entry') })
})
