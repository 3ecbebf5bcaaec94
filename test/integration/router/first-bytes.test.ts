// vectors/router/first-bytes.json: how a Teleport 13.0.0-dev ended connections that never became TLS, captured, fixtures/teleport-13/router.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { openUnderTest, rawAsk } from './router-under-test.ts'

interface FirstBytes {
  readonly name: string
  readonly sent: readonly { readonly ms: number; readonly hex?: string; readonly fin?: boolean }[]
  readonly end: string
}

it('ends bare connections when Teleport does', { timeout: 15_000 }, async () => {
  // What follows a Postgres request is the Postgres handler's; one row was captured in part.
  const rows = (JSON.parse(readFileSync(new URL('../../vectors/router/first-bytes.json', import.meta.url), 'utf8')) as FirstBytes[]).filter(
    ({ name, sent, end }) => !/Postgres/.test(name) && end.startsWith('FIN') && !sent.some(({ hex }) => hex?.includes('...')),
  )
  expect(rows.length).toBeGreaterThan(20)
  const under = await openUnderTest({ proxyProtocol: 'on' })
  await Promise.all(
    rows.map(async ({ name, sent, end }) => {
      const parts = sent.flatMap(({ hex }) => (hex === undefined ? [] : [hex]))
      const gapMs = parts.length > 1 ? sent[1]!.ms - sent[0]!.ms : 0
      const { how, ms, bytes } = await rawAsk(under.port, parts, { gapMs, fin: sent.some(({ fin }) => fin === true), waitMs: 8_000 })
      // Teleport takes this line, against the specification, and waits for more.
      const theirs = name === 'PROXY v1 family does not fit' ? 0 : Number(/\d+/.exec(end)?.[0])
      expect([name, how, bytes.length, Math.abs(ms - theirs) < 400]).toEqual([name, 'FIN', 0, true])
    }),
  )
  await under.close()
})
