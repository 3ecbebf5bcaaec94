import { createServer } from 'node:net'

/** Bound together, so that no two are the same. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const probes = await Promise.all(Array.from({ length: count }, () => boundPort(0)))
  await Promise.all(probes.map(({ release }) => release()))
  return probes.map(({ port }) => port)
}

/** @param preferred 0 = any; another one where it is taken */
export async function freePort(preferred: number): Promise<number> {
  const { port, release } = await boundPort(preferred)
  await release()
  return port
}

function boundPort(preferred: number): Promise<{ readonly port: number; release(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', error => (preferred === 0 ? reject(error) : resolve(boundPort(0))))
    probe.listen({ host: '127.0.0.1', port: preferred, exclusive: true }, () => {
      const bound = probe.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      resolve({ port, release: () => new Promise(released => probe.close(() => released())) })
    })
  })
}
