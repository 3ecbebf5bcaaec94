import { PorticoError } from '../../../shared/errors.ts'
import type { Auth, LoginAnswer, LoginRequest } from '../auth/auth.ts'
import { jsonAnswer, WebRefusal, type Answer, type WebRequest } from './answer.ts'
import { goBytes, goLine } from './go-bytes.ts'
import { KEY_BLOCK, publicKeysOf } from './key-block.ts'
import { readJson, type Body } from './read-json.ts'

/** What every login asks of its caller: the client's address, for the certificate. */
export interface LoginCall {
  readonly auth: Auth
  readonly request: WebRequest
  readonly clientIp: string
}

const SSH_CERTS = { user: 'string', password: 'string', otp_token: 'string', headless_id: 'string', ...KEY_BLOCK } as const
const MFA_BEGIN = { user: 'string', pass: 'string', passwordless: 'bool' } as const
const MFA_FINISH = { user: 'string', password: 'string', webauthn_challenge_response: 'object', totp_code: 'string', ...KEY_BLOCK } as const

/** SSHLoginResponse: exactly four fields, one host signer. wire/webapi.md 4.2 */
function loginDocument({ user, sshCert, tlsCert, hostCa }: LoginAnswer): object {
  return {
    username: user,
    cert: goLine(sshCert),
    tls_cert: goBytes(tlsCert),
    host_signers: [
      {
        domain_name: hostCa.cluster,
        checking_keys: hostCa.ssh.map(goLine),
        tls_certs: hostCa.tls.map(goBytes),
      },
    ],
  }
}

function loginRequest(
  body: Body<typeof KEY_BLOCK> & { readonly user: string; readonly password: string },
  code: string,
  clientIp: string,
): LoginRequest {
  return {
    user: body.user,
    password: body.password,
    code,
    ttlMs: Math.floor(body.ttl / 1e6),
    ...publicKeysOf(body),
    routeToCluster: body.RouteToCluster,
    clientIp,
  }
}

async function certificates(auth: Auth, request: LoginRequest): Promise<Answer> {
  return jsonAnswer(loginDocument(await auth.login(request)))
}

/** POST ssh/certs: password and, unless the second factor is off, a one-time code. */
export async function sshCerts({ auth, request, clientIp }: LoginCall): Promise<Answer> {
  const body = await readJson(request, 'CreateSSHCertReq', SSH_CERTS)
  if (body.headless_id !== '') throw new WebRefusal(403, 'headless login is not supported')
  return certificates(auth, loginRequest(body, body.otp_token, clientIp))
}

/** POST mfa/login/begin: there are no WebAuthn devices here, so the only challenge is a code. */
export async function mfaBegin({ auth, request }: LoginCall): Promise<Answer> {
  const body = await readJson(request, 'MFAChallengeRequest', MFA_BEGIN)
  if (body.passwordless) throw new WebRefusal(403, 'invalid credentials')
  try {
    await auth.checkPassword(body.user, body.pass)
  } catch (thrown) {
    if (thrown instanceof PorticoError && thrown.code === 'login/refused') throw new WebRefusal(403, 'invalid credentials')
    throw thrown
  }
  return jsonAnswer({ webauthn_challenge: null, totp_challenge: auth.secondFactor === 'otp' })
}

/** POST mfa/login/finish: the second half, with password and code together. */
export async function mfaFinish({ auth, request, clientIp }: LoginCall): Promise<Answer> {
  const body = await readJson(request, 'AuthenticateSSHUserRequest', MFA_FINISH)
  if (body.webauthn_challenge_response !== undefined) throw new WebRefusal(403, 'invalid Webauthn response')
  if (auth.secondFactor !== 'off' && body.totp_code === '') throw new WebRefusal(403, 'missing second factor')
  return certificates(auth, loginRequest(body, body.totp_code, clientIp))
}
