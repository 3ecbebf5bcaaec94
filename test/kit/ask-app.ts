import type { Page } from '@playwright/test'
import type {} from '../../renderer/bridge.ts'
import type { Answer, Ask, Question } from '../../shared/contract.ts'
import type { DatabaseId } from '../../shared/ids.ts'
import { freePort } from './free-port.ts'

/** Asks as the page does. @throws Error with the failure as JSON */
export async function askApp<Q extends Question>(page: Page, question: Q, what: Ask<Q>): Promise<Answer<Q>> {
  const reply = await page.evaluate(([q, a]) => window.portico!.ask(q as 'state.read', a as Record<string, never>), [
    question,
    what,
  ] as const)
  if (!reply.ok) throw new Error(JSON.stringify(reply.failure))
  return reply.value as unknown as Answer<Q>
}

/** Gives a database a port of its own that is free now: the usual one of a lab may belong to another lab of this machine. */
export async function keepFreePort(page: Page, resource: DatabaseId): Promise<void> {
  const { id } = await askApp(page, 'tunnel.start', { resource, port: await freePort() })
  await askApp(page, 'tunnel.stop', { tunnel: id })
}
