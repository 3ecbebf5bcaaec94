import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { z } from 'zod'
import { checkCaPin } from './ca-pin.ts'
import type { LoginResult, Ping, Trust } from './client.ts'
import { readLoginAnswer } from './login-answer.ts'
import { keyBlock, newLoginKeys } from './login-keys.ts'
import { errorText, webRequest, type WebAnswer } from './web-request.ts'

const ANSWER_LIMIT = 1024 * 1024
/** A server may take its time over a password on purpose. */
const DEADLINE_MS = 30_000
const NANOSECONDS = 1_000_000
/** What tsh asks for; roles cut it shorter. */
const DEFAULT_TTL_MS = 12 * 60 * 60_000

export interface LogIn {
  readonly proxy: Address
  readonly ping: Ping
  readonly user: string
  readonly password: string
  /** One-time code, when there is one. */
  readonly code?: string | undefined
  /** Wished length of the sign-in. */
  readonly ttlMs?: number | undefined
  readonly trust: Trust
  readonly signal?: AbortSignal | undefined
  readonly now?: () => number
}

/** What a sign-in at this proxy needs, before anything is asked of a person. */
export type LoginNeeds =
  | { readonly kind: 'password' }
  /** `on` and `optional` tell per user, so a code may turn out not to be needed. */
  | { readonly kind: 'password-and-code'; readonly optional: boolean }
  | { readonly kind: 'unsupported'; readonly wants: string }

export function loginNeeds({ authType, secondFactor }: Ping): LoginNeeds {
  if (authType !== 'local' && authType !== '') return { kind: 'unsupported', wants: `single sign-on (${authType})` }
  switch (secondFactor) {
    case 'off':
    case '':
      return { kind: 'password' }
    case 'otp':
      return { kind: 'password-and-code', optional: false }
    case 'webauthn':
      return { kind: 'unsupported', wants: 'a security key (WebAuthn)' }
    case 'u2f':
      return { kind: 'unsupported', wants: 'a security key (U2F)' }
    default:
      return { kind: 'password-and-code', optional: true }
  }
}

/**
 * Signs a local user in with a password and, where asked, a one-time code. New keys are made for each sign-in. wire/webapi.md 4–6
 * @throws PorticoError `login/refused` (the server's words in facts.why), `login/code-needed`, `login/too-many-tries`, `login/unsupported`,
 *   `proxy/*`, `app/cancelled`
 */
export async function logIn(ask: LogIn): Promise<LoginResult> {
  const proxy = formatAddress(ask.proxy)
  const needs = loginNeeds(ask.ping)
  if (needs.kind === 'unsupported') throw new PorticoError('login/unsupported', { proxy, why: `it wants ${needs.wants}` })
  if (needs.kind === 'password-and-code' && !needs.optional && !ask.code) throw new PorticoError('login/code-needed', { proxy })

  const { serverVersion } = ask.ping
  const keys = await newLoginKeys(serverVersion)
  const common = {
    ...keyBlock(keys, serverVersion),
    ttl: Math.round((ask.ttlMs ?? DEFAULT_TTL_MS) * NANOSECONDS),
    compatibility: 'standard',
    RouteToCluster: '',
    KubernetesCluster: '',
  }
  const answer =
    needs.kind === 'password-and-code' && needs.optional
      ? await beginAndFinish(ask, common)
      : await post(ask, '/v1/webapi/ssh/certs', {
          user: ask.user,
          password: ask.password,
          otp_token: ask.code ?? '',
          headless_id: '',
          ...common,
        })
  const result = readLoginAnswer(answer.text, keys, proxy, (ask.now ?? Date.now)())
  if (ask.trust.caPin !== undefined) checkCaPin(result.hostCas.flatMap(ca => ca.tls).join('\n'), ask.trust.caPin, ask.proxy)
  return answer.unverified === undefined ? result : { ...result, webCertificate: answer.unverified }
}

const ChallengeShape = z.object({ webauthn_challenge: z.unknown(), totp_challenge: z.boolean().nullish() })

/** Which factors a user has is told only after the password: with `on` and `optional` one must begin to know. */
async function beginAndFinish(ask: LogIn, common: object): Promise<WebAnswer> {
  const proxy = formatAddress(ask.proxy)
  const begun = await post(ask, '/v1/webapi/mfa/login/begin', { user: ask.user, pass: ask.password, passwordless: false })
  const challenge = ChallengeShape.safeParse(parse(begun.text))
  if (!challenge.success) throw new PorticoError('proxy/answer', { proxy, why: 'its challenge makes no sense' })
  const { webauthn_challenge: securityKey, totp_challenge: codes } = challenge.data
  if (codes === true && !ask.code) throw new PorticoError('login/code-needed', { proxy })
  if (codes !== true && securityKey !== null && securityKey !== undefined)
    throw new PorticoError('login/unsupported', { proxy, why: 'this user signs in with a security key (WebAuthn)' })
  const code = codes === true ? { totp_code: ask.code } : {}
  return post(ask, '/v1/webapi/mfa/login/finish', { user: ask.user, password: ask.password, ...code, ...common })
}

async function post(ask: LogIn, path: string, body: object): Promise<WebAnswer> {
  const answer = await webRequest({
    address: ask.proxy,
    trust: ask.trust,
    method: 'POST',
    path,
    body,
    limit: ANSWER_LIMIT,
    deadlineMs: DEADLINE_MS,
    signal: ask.signal,
    now: ask.now,
  })
  if (answer.status === 200) return answer
  throw loginError(answer, formatAddress(ask.proxy))
}

/** wire/webapi.md 5, 6.2; wire/identity.md 10 */
export function loginError(answer: WebAnswer, proxy: string): PorticoError {
  const why = errorText(answer)
  if (answer.status === 429) return new PorticoError('login/too-many-tries', { proxy, why })
  if (/private key policy not met/.test(why))
    return new PorticoError('login/unsupported', { proxy, why: 'this user needs a hardware key (YubiKey): use tsh' })
  if (why.startsWith('unsupported second factor type')) return new PorticoError('login/unsupported', { proxy, why })
  if (answer.status === 401 || answer.status === 403) return new PorticoError('login/refused', { proxy, why })
  return new PorticoError('proxy/answer', { proxy, why })
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
