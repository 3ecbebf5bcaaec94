import { createHash } from 'node:crypto'
import type { ResourceKind } from '../../shared/ids.ts'

const FIRST_PORT = 20_000
const PORTS = 10_000

/** The port of a resource's tunnel, the same on every machine. design.md 10 */
export function stablePort(cluster: string, kind: ResourceKind, name: string): number {
  const digest = createHash('sha256').update(`${cluster}\0${kind}\0${name}`, 'utf8').digest()
  return FIRST_PORT + (digest.readUInt32BE(0) % PORTS)
}

/**
 * The port to start on: the remembered one, else the stable one, else the next that no other resource of ours holds.
 * @param held ports of our other resources: running, or remembered for them
 */
export function choosePort(stable: number, remembered: number | undefined, held: ReadonlySet<number>): number {
  if (remembered !== undefined) return remembered
  for (let step = 0; step < PORTS; step++) {
    const port = FIRST_PORT + ((stable - FIRST_PORT + step) % PORTS)
    if (!held.has(port)) return port
  }
  return 0
}
