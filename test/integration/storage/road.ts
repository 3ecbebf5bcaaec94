import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Road {
  readonly port: number
  /** From now on nothing comes through the connections that are open, and neither end is told. New ones work. */
  freeze(): void
  close(): void
}

/** A way to a port of this machine that can be blocked, as a firewall or a cut cable does. */
export async function openRoad(to: number): Promise<Road> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, near => {
    const far = connect({ host: '127.0.0.1', port: to, noDelay: true })
    for (const [side, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(side)
      side.on('error', () => {})
      side.once('close', () => {
        open.delete(side)
        other.destroy()
      })
      side.pipe(other)
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      for (const side of open) side.unpipe().pause()
    },
    close() {
      server.close()
      for (const side of open) side.destroy()
    },
  }
}
