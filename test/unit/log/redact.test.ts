import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { describeThrown, redactFacts, redactText } from '../../../electron/log/redact.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const body = pem.split('\n')[1]!

describe('redaction', () => {
  it('removes PEM blocks, whole, escaped and cut short', () => {
    for (const text of [`before ${pem} after`, JSON.stringify({ k: pem }), pem.slice(0, 120)]) {
      expect(redactText(text)).not.toContain(body.slice(0, 30))
    }
    expect(redactText(`before ${pem} after`)).toMatch(/^before \[removed PEM\]\s+after$/)
  })

  it('removes bearer tokens and cookies', () => {
    expect(redactText('Authorization: Bearer abc.def-123')).toBe('Authorization: Bearer [removed]')
    expect(redactText('Set-Cookie: __Host-session=abc; Path=/')).toBe('Set-Cookie: [removed]')
    expect(redactText('Cookie: a=b; c=d')).not.toContain('c=d')
  })

  it('removes what is named as a secret inside a text', () => {
    expect(redactText('{"user":"alice","password":"not me","otp_token":"123456"}')).toBe(
      '{"user":"alice","password":[removed],"otp_token":[removed]}',
    )
    expect(redactText('callback?secret_key=00ff&x=1')).toBe('callback?secret_key=[removed]&x=1')
  })

  it('removes long encoded runs but keeps paths, host names and fingerprints', () => {
    const key = randomBytes(300).toString('base64')
    expect(redactText(`ssh-rsa ${key}`)).not.toContain(key.slice(0, 40))
    for (const kept of [
      'sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0',
      '726f6f742e6578616d706c65726f6f742e6578616d706c65726f6f742e6578616d706c65.teleport.cluster.local',
      '/home/alice/Projects/Database Tools/portico/electron/client/auth-session-2024/open.ts',
    ])
      expect(redactText(kept)).toBe(kept)
  })

  it('removes facts by their name whatever they hold', () => {
    const facts = {
      password: 'a',
      passphrase: 'b',
      otp: '1',
      otpSecret: 'x',
      token: 't',
      code: '123456',
      tlsKey: 'k',
      key: 'k',
      Cookie: 'c',
      authorization: 'z',
    }
    expect(Object.values(redactFacts(facts)).every(value => value === '[removed]')).toBe(true)
    expect(redactFacts({ proxy: 'p:443', port: 1, names: [pem] })).toEqual({ proxy: 'p:443', port: 1, names: ['[removed PEM]\n'] })
  })

  it('describes an error with its causes and without what they hold', () => {
    const text = describeThrown(new Error('outer', { cause: new Error(`inner ${pem}`) }))
    expect(text).toContain('outer')
    expect(text).toContain('caused by Error: inner [removed PEM]')
  })

  it('ends at a ring of causes and at a text without end', () => {
    const ring = new Error('ring')
    ring.cause = ring
    expect(describeThrown(ring).match(/ring/g)!.length).toBeLessThan(20)
    expect(redactText('a '.repeat(100_000)).length).toBeLessThan(5_000)
  })
})
