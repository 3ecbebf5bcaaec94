import { createServer } from 'node:net'
import { PorticoError } from '../../shared/errors.ts'

/** A port that nobody holds on loopback right now; a socket's name carries it, so it must be known before the tunnel starts. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', error => reject(new PorticoError('tunnel/address', {}, error)))
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
