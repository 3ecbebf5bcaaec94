import { describe, expect, it } from 'vitest'
import { majorVersion, readPing } from '../../../electron/client/ping.ts'
import { loginNeeds } from '../../../electron/client/log-in.ts'
import { capturedAnswer } from './captured.ts'

const asked = { host: 'typed.example', port: 443 }

describe('a captured ping', () => {
  for (const name of ['ping', 'ping-local', 'ping-no-alpn', 'ping-v1-prefix']) {
    it(`of ${name} tells cluster, version and how to sign in`, () => {
      expect(readPing(capturedAnswer(name), asked)).toEqual({
        cluster: 'root.example',
        serverVersion: '13.0.0-dev',
        minClientVersion: name === 'ping-local' ? '' : '12.0.0',
        authType: 'local',
        secondFactor: 'off',
        webProxy: { host: 'localhost', port: 13_080 },
        tlsRouting: true,
      })
    })
  }

  for (const [name, secondFactor, kind] of [
    ['ping-otp', 'otp', 'password-and-code'],
    ['ping-otp-local', 'otp', 'password-and-code'],
    ['ping-on', 'on', 'password-and-code'],
    ['ping-on-local', 'on', 'password-and-code'],
    ['ping-on-passwordless', 'on', 'password-and-code'],
    ['ping-optional', 'optional', 'password-and-code'],
    ['ping-optional-local', 'optional', 'password-and-code'],
    ['ping-webauthn', 'webauthn', 'unsupported'],
    ['ping-webauthn-local', 'webauthn', 'unsupported'],
  ] as const) {
    it(`of ${name} asks for ${kind}`, () => {
      const ping = readPing(capturedAnswer(name), asked)
      expect(ping).toMatchObject({ cluster: 'second.example', secondFactor, webProxy: { host: '127.0.0.1', port: 14_080 } })
      expect(loginNeeds(ping).kind).toBe(kind)
    })
  }

  it('of find has no sign-in but the same addresses', () => {
    expect(readPing(capturedAnswer('find'), asked)).toMatchObject({
      cluster: 'root.example',
      authType: '',
      webProxy: { host: 'localhost', port: 13_080 },
    })
  })

  it('of an unknown connector gives the words of the proxy', () => {
    expect(() => readPing(capturedAnswer('ping-unknown-connector'), asked)).toThrow(
      expect.objectContaining({
        code: 'proxy/answer',
        facts: expect.objectContaining({ why: expect.stringContaining('invalid connector name') }),
      }),
    )
  })

  it('with a name that is not its own points to the right address', () => {
    expect(() => readPing(capturedAnswer('unknown-host'), asked)).toThrow(
      expect.objectContaining({
        code: 'proxy/not-teleport',
        facts: { proxy: 'typed.example:443', why: 'it points to localhost:13080; try that address' },
      }),
    )
  })

  for (const name of ['not-found-webapi', 'root']) {
    it(`that is none (${name}) is not taken for a proxy`, () => {
      expect(() => readPing(capturedAnswer(name), asked)).toThrow(expect.objectContaining({ code: 'proxy/not-teleport' }))
    })
  }

  it('names a version whose major is read', () => {
    expect(['13.0.0-dev', 'v17.2.1', '9.0', 'x', ''].map(majorVersion)).toEqual([13, 17, 9, 0, 0])
  })
})
