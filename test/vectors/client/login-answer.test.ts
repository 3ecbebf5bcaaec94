import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkCaPin } from '../../../electron/client/ca-pin.ts'
import { loginError } from '../../../electron/client/log-in.ts'
import { readLoginAnswer } from '../../../electron/client/login-answer.ts'
import { newLoginKeys } from '../../../electron/client/login-keys.ts'
import { caPin } from '../../../electron/wire/x509.ts'
import { capturedAnswer, capturedBytes } from './captured.ts'

const privateKey = createPrivateKey(capturedBytes('web/key.TEST-ONLY.pem'))
const pair = { privateKey, publicKey: createPublicKey(privateKey) }
const keys = { tls: pair, ssh: pair }
const NOW = Date.parse('2026-11-23T02:22:00Z')
const read = (json: string, now = NOW): ReturnType<typeof readLoginAnswer> => readLoginAnswer(json, keys, 'p:443', now)
const good = capturedAnswer('ssh-certs-ok').text
const changed = (change: (answer: Record<string, unknown> & { host_signers: Record<string, unknown>[] }) => void): string => {
  const answer = JSON.parse(good) as Parameters<typeof change>[0]
  change(answer)
  return JSON.stringify(answer)
}
const refused = (why: RegExp): unknown =>
  expect.objectContaining({ code: 'proxy/answer', facts: { proxy: 'p:443', why: expect.stringMatching(why) } })

describe('a captured login answer', () => {
  for (const [name, user, cluster] of [
    ['ssh-certs-ok', 'alice', 'root.example'],
    ['on-ssh-certs-otp-ok', 'oona', 'second.example'],
    ['on-mfa-finish-otp-ok', 'oona', 'second.example'],
    ['optional-mfa-finish-user-without-device', 'alice', 'second.example'],
  ] as const) {
    it(`of ${name} gives the keys, certificates and the host CA of ${cluster}`, () => {
      const result = read(capturedAnswer(name).text)
      expect(result.user).toBe(user)
      expect(result.files.tlsCert).toMatch(/^-----BEGIN CERTIFICATE-----/)
      expect(result.files.sshCert).toMatch(/^ssh-rsa-cert-v01@openssh.com /)
      expect(result.files.tlsKey).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/)
      expect(result.hostCas).toEqual([
        { cluster, tls: [expect.stringContaining('BEGIN CERTIFICATE')], ssh: [expect.stringMatching(/^ssh-rsa AAAA\S+/)] },
      ])
    })
  }

  it('for another key is refused', async () => {
    const others = await newLoginKeys('13.0.0')
    expect(() => readLoginAnswer(good, others, 'p:443', NOW)).toThrow(refused(/for another key/))
    expect(() => readLoginAnswer(good, { tls: keys.tls, ssh: others.ssh }, 'p:443', NOW)).toThrow(
      refused(/SSH certificate is for another key/),
    )
  })

  it('without host CA, or with a name that is none, is refused', () => {
    expect(() =>
      read(
        changed(answer => {
          answer.host_signers = []
        }),
      ),
    ).toThrow(refused(/no host authority/))
    for (const name of ['../x', 'a/b', 'a\\b', '', 'a\u0000']) {
      expect(() =>
        read(
          changed(answer => {
            answer.host_signers[0]!['domain_name'] = name
          }),
        ),
      ).toThrow(expect.objectContaining({ code: 'proxy/answer' }))
    }
  })

  it('that is cut short, or holds rubbish, is refused', () => {
    for (const json of [
      '',
      'null',
      '[]',
      '{}',
      good.slice(0, -2),
      changed(answer => {
        answer['tls_cert'] = 'AAAA'
      }),
      changed(answer => {
        answer['cert'] = 'AAAA'
      }),
      changed(answer => {
        answer.host_signers[0]!['checking_keys'] = ['AAAA']
      }),
    ]) {
      expect(() => read(json)).toThrow(expect.objectContaining({ code: 'proxy/answer' }))
    }
  })

  it('that is not valid yet, or over, by our clock says so with both times', () => {
    for (const now of [NOW - 3_600_000, NOW + 48 * 3_600_000]) {
      expect(() => read(good, now)).toThrow(
        expect.objectContaining({
          code: 'proxy/clock',
          facts: expect.objectContaining({ here: new Date(now).toISOString(), there: expect.any(String) }),
        }),
      )
    }
  })

  it('has a host CA that matches its pin and no other', () => {
    const pem = read(good).hostCas[0]!.tls[0]!
    const exported = capturedAnswer('auth-export-tls-host').text
    const address = { host: 'p', port: 443 }
    const pin = caPin(pem)
    checkCaPin(exported, pin, address)
    checkCaPin(exported, ` ${pin.toUpperCase().replace('SHA', 'sha')}, sha256:${'0'.repeat(64)}`, address)
    for (const [cas, wrong] of [
      [exported, `sha256:${'0'.repeat(64)}`],
      ['', pin],
      [exported + exported.replaceAll('M', 'N'), pin],
    ] as const) {
      expect(() => checkCaPin(cas, wrong, address)).toThrow(expect.objectContaining({ code: 'proxy/pin-mismatch' }))
    }
    expect(() => checkCaPin(exported, 'sha1:00', address)).toThrow(expect.objectContaining({ code: 'usage/invalid' }))
  })
})

describe('a captured refusal', () => {
  for (const [name, code, why] of [
    ['ssh-certs-wrong-password', 'login/refused', 'invalid username or password'],
    ['ssh-certs-unknown-user', 'login/refused', 'invalid username or password'],
    ['on-ssh-certs-no-otp', 'login/refused', 'invalid username, password or second factor'],
    ['on-ssh-certs-otp-reused', 'login/refused', 'invalid username, password or second factor'],
    ['on-mfa-begin-wrong-password', 'login/refused', 'invalid credentials'],
    ['on-mfa-finish-no-answer', 'login/refused', 'missing second factor'],
    ['on-mfa-finish-wrong-code', 'login/refused', 'invalid username, password or second factor'],
    ['webauthn-ssh-certs', 'login/unsupported', 'unsupported second factor type: "webauthn"'],
    ['rate-limit-429', 'login/too-many-tries', 'max rate reached: retry-in 0s'],
    ['ssh-certs-bad-key', 'proxy/answer', 'ssh: no key found'],
    ['ssh-certs-unknown-route', 'proxy/answer', 'remote cluster "nope.example" is not found'],
    ['ssh-certs-no-content-type', 'proxy/answer', 'invalid request'],
    ['not-found-webapi', 'proxy/answer', 'status 404: 404 page not found'],
  ] as const) {
    it(`of ${name} is ${code}, in the server's words`, () => {
      expect(loginError(capturedAnswer(name), 'p:443')).toMatchObject({ code, facts: { proxy: 'p:443', why } })
    })
  }
})
