import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../../shared/errors.ts'
import { CredentialCache } from '../../../electron/engine/credential-cache.ts'
import type { DialContext } from '../../../electron/engine/dial.ts'
import type { Credentials } from '../../../electron/engine/engine.ts'

const certificate = (name: string, notAfter: number): Credentials => ({ key: 'key', cert: name, notAfter })

function cacheOf(answers: (refused: string | undefined) => Promise<Credentials>) {
  const asked: (string | undefined)[] = []
  const clock = { now: 1_000_000 }
  const cache = new CredentialCache({
    ask: refused => {
      asked.push(refused)
      return answers(refused)
    },
    open: credentials => ({ credentials, alpn: [], tickets: [], secure: undefined as unknown as DialContext['secure'] }),
    now: () => clock.now,
  })
  return { cache, asked, clock }
}

describe('the certificate of a tunnel', () => {
  it('is asked for once, however many connections wait, and then used until it ends', async () => {
    const { cache, asked, clock } = cacheOf(async () => certificate('one', 1_060_000))
    const contexts = await Promise.all([cache.context(), cache.context(), cache.context()])
    expect(new Set(contexts).size).toBe(1)
    expect(cache.context()).toBe(contexts[0])
    clock.now = 1_059_600
    await cache.context()
    expect(asked).toEqual([undefined, undefined])
  })

  it('that was refused is not used again, and its successor is shared by all that it was refused to', async () => {
    const { cache, asked } = cacheOf(async refused => certificate(refused === undefined ? 'old' : 'new', 2_000_000))
    const old = await cache.context()
    const [first, second] = await Promise.all([cache.context(old), cache.context(old)])
    expect(first).toBe(second)
    expect(first.credentials?.cert).toBe('new')
    // A connection that learns of the refusal late gets the successor without another question.
    expect(cache.context(old)).toBe(first)
    expect(asked).toEqual([undefined, 'old'])
  })

  it('is asked for again after a failed answer, which every waiting connection gets', async () => {
    let fail = true
    const { cache } = cacheOf(async () => {
      if (fail) throw new PorticoError('login/expired')
      return certificate('one', 2_000_000)
    })
    const waiting = [cache.context(), cache.context()]
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'login/expired' })
    fail = false
    expect((await cache.context()).credentials?.cert).toBe('one')
  })

  it('is asked for again after forget', async () => {
    const { cache, asked } = cacheOf(async () => certificate('one', 2_000_000))
    await cache.context()
    cache.forget()
    await cache.context()
    expect(asked).toHaveLength(2)
  })
})
