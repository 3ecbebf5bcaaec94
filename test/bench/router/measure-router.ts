import type { Report } from '../figures.ts'
import { measureForwarded } from './forwarded.ts'
import { measureHalfOpen } from './half-open.ts'
import { measureHandshakes } from './handshakes.ts'
import { measureIdleAgents } from './idle-agents.ts'

/** Every part by its own name, so that one can be looked at alone: `npm run bench -- handshakes`. */
const PARTS: readonly (readonly [name: string, measure: (report: Report) => Promise<void>])[] = [
  ['handshakes', measureHandshakes],
  ['forwarded', measureForwarded],
  ['half-open', measureHalfOpen],
  ['agents', measureIdleAgents],
]

/** The router against haproxy and nginx in the same run, about two minutes. */
export async function measureRouter(wanted: (name: string) => boolean, report: Report): Promise<void> {
  for (const [name, measure] of PARTS) if (wanted(name)) await measure(report)
}
