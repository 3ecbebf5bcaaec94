import { createServer } from 'node:net'
import { PorticoError } from '../../shared/errors.ts'

/** A port that nobody holds on loopback right now; a socket's name carries it, so it must be known before the tunnel starts. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0)
  if (port === undefined) throw new PorticoError('tunnel/address', { why: 'no port is free' })
  return port
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined
}

function tryPort(wanted: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
