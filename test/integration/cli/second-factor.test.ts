import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { makeCertificates } from '../../kit/certificates.ts'
import { capturedAnswer, capturedResponse } from '../../vectors/client/captured.ts'
import { httpAnswer, openCapturedProxy, type CapturedProxy } from '../client/captured-proxy.ts'
import { Portico, type Ran } from './portico.ts'

/** Second factor `optional`, in answers captured from Teleport: zoe has no device, otto has one-time codes. */
const portico = new Portico('portico-factor-')
const folder = mkdtempSync(join(tmpdir(), 'portico-factor-ca-'))
const caFile = join(folder, 'ca.pem')
let proxy: CapturedProxy
let asked: { path: string; body: any }[] = []

beforeAll(async () => {
  const certificates = await makeCertificates()
  writeFileSync(caFile, certificates.webRoot)
  proxy = await openCapturedProxy(await certificates.server(), ({ path, body }) => {
    if (path === '/webapi/ping') {
      const text = capturedAnswer('ping-optional').text.replace(/"public_addr":"[^"]*"/, `"public_addr":"localhost:${proxy.port}"`)
      return httpAnswer(text, 'application/json')
    }
    const sent = JSON.parse(body)
    asked.push({ path, body: sent })
    if (path.endsWith('/finish')) return capturedResponse('on-mfa-finish-wrong-code')
    if (sent.user === 'otto') return httpAnswer('{"webauthn_challenge":null,"totp_challenge":true}', 'application/json')
    return capturedResponse('optional-mfa-begin-user-without-device')
  })
})
beforeEach(() => {
  asked = []
})
afterAll(async () => {
  await proxy.close()
  portico.remove()
  rmSync(folder, { recursive: true, force: true })
})

const login = (user: string, input: string): Promise<Ran> =>
  portico.run(['login', '--proxy', `localhost:${proxy.port}`, '--user', user, '--ca-file', caFile, '--password-stdin', '--json'], { input })

it('asks no code of a user who has no second factor', async () => {
  // Keys of a captured answer are not ours, so the sign-in itself cannot come to an end here.
  expect((await login('zoe', 'pw\n')).json().error.code).toBe('login/refused')
  expect(asked.map(({ path }) => path)).toEqual(['/v1/webapi/mfa/login/begin', '/v1/webapi/mfa/login/finish'])
  expect(asked[1]!.body).not.toHaveProperty('totp_code')
})

it('asks for a code once the password showed that this user has one', async () => {
  const missing = await login('otto', 'pw\n')
  expect([missing.code, missing.json().error.code]).toEqual([3, 'login/code-needed'])
  asked = []
  expect((await login('otto', 'pw\n123456\n')).json().error.code).toBe('login/refused')
  expect(asked.at(-1)).toMatchObject({ path: '/v1/webapi/mfa/login/finish', body: { user: 'otto', password: 'pw', totp_code: '123456' } })
})
