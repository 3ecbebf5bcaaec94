import { createServer, type AddressInfo, type ListenOptions, type Server, type Socket } from 'node:net'
import { formatAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Listening, TunnelPlan } from './engine.ts'
import { findPortHolder } from './port-holder.ts'
import { listenOnSocket } from './unix-socket.ts'

/** A burst of this many clients may wait to be accepted. */
const BACKLOG = 1024
/** With port 0 the system chooses for the first host; the second may be taken there. */
const TRIES = 20

export interface Listener extends Listening {
  /** Frees the addresses at once; connections live on. Idempotent. */
  close(): Promise<void>
}

const codeOf = (thrown: unknown): unknown => (thrown instanceof Error && 'code' in thrown ? thrown.code : undefined)
const isMissingHost = (thrown: unknown): boolean => ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(codeOf(thrown) as string)

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...where, backlog: BACKLOG, exclusive: true }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

// Not the callback of close(): that waits for the open connections too.
const close = (server: Server): void => void server.close()

/**
 * Binds every host that the machine has and the socket, or nothing at all.
 * @param accept gets each connection paused, with an error listener; it owns the socket
 * @param lost a bound listener failed later
 * @throws PorticoError `tunnel/port-in-use` (facts: port, pid?, program?), `tunnel/address`
 */
export async function openListener(
  plan: TunnelPlan['listen'],
  accept: (local: Socket) => void,
  lost: (error: Error) => void,
): Promise<Listener> {
  const servers: Server[] = []
  let removeSocket: (() => Promise<void>) | undefined
  const closeAll = async (): Promise<void> => {
    servers.splice(0).forEach(close)
    await removeSocket?.()
  }
  const open = async (bind: (server: Server) => Promise<void>): Promise<Server> => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, local => {
      // Before anything else: a reset at any later moment must not end the thread.
      local.on('error', () => local.destroy())
      accept(local)
    })
    await bind(server)
    servers.push(server)
    server.on('error', lost)
    return server
  }

  const bindAll = async (): Promise<{ port: number; addresses: string[] }> => {
    let { port } = plan
    const addresses: string[] = []
    for (const host of plan.hosts) {
      try {
        const server = await open(one => listen(one, { host, port }))
        port = (server.address() as AddressInfo).port
        addresses.push(formatAddress({ host, port }))
      } catch (thrown) {
        if (isMissingHost(thrown)) continue
        await closeAll()
        if (codeOf(thrown) !== 'EADDRINUSE')
          throw new PorticoError('tunnel/address', { address: formatAddress({ host, port }), why: String(codeOf(thrown)) }, thrown)
        const holder = plan.port === 0 ? undefined : await findPortHolder(port)
        throw new PorticoError('tunnel/port-in-use', { port, ...holder }, thrown)
      }
    }
    return { port, addresses }
  }

  const bind = async (): Promise<{ port: number; addresses: string[] }> => {
    for (let tries = 1; ; tries++) {
      try {
        return await bindAll()
      } catch (thrown) {
        if (plan.port !== 0 || tries === TRIES || PorticoError.from(thrown).code !== 'tunnel/port-in-use') throw thrown
      }
    }
  }

  const { socket } = plan
  try {
    const bound = await bind()
    if (bound.addresses.length === 0 && socket === null)
      throw new PorticoError('tunnel/address', { why: 'this computer has none of the addresses' })
    if (socket !== null)
      await open(async server => {
        removeSocket = await listenOnSocket(server, socket, listen)
      })
    return { ...bound, socket, close: closeAll }
  } catch (thrown) {
    await closeAll()
    throw thrown instanceof PorticoError
      ? thrown
      : new PorticoError('tunnel/address', { ...(socket === null ? {} : { socket }), why: String(codeOf(thrown) ?? 'unknown') }, thrown)
  }
}
