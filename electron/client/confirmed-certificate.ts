import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import {
  CertsSchema,
  CreateAuthenticateChallengeRequestSchema,
  MFAAuthenticateChallengeSchema,
  MFAAuthenticateResponseSchema,
  UserCertsRequestSchema,
  UserSingleUseCertsRequestSchema,
  UserSingleUseCertsResponseSchema,
  type MFAAuthenticateChallenge,
  type UserSingleUseCertsResponse,
} from '../wire/gen/authservice_pb.ts'
import { GRPC } from '../wire/grpc-status.ts'
import type { AuthSession } from './auth-session.ts'
import { hasGrpcCode } from './grpc-errors.ts'
import { openConversation, type Conversation } from './grpc-conversation.ts'

/** Certificates of sessions that were confirmed with a one-time code. wire/auth-grpc.md 6 */

export type CallMethod = <I extends DescMessage, O extends DescMessage>(
  method: string,
  input: I,
  output: O,
  request: MessageInitShape<I>,
  signal: AbortSignal | undefined,
) => Promise<MessageShape<O>>

export interface ConfirmedRequest {
  readonly proxy: Address
  /** `stream`: servers up to 15 */
  readonly flow: 'unary' | 'stream'
  readonly request: MessageInitShape<typeof UserCertsRequestSchema>
  readonly call: CallMethod
  readonly connect: (signal: AbortSignal | undefined) => Promise<AuthSession>
  readonly askCode: () => Promise<string>
  readonly signal: AbortSignal | undefined
}

/** Values of MFARequired. */
export const MFA_YES = 1
const MFA_NO = 2
/** ChallengeExtensions.scope */
const USER_SESSION = 6
/** UserCertsRequest.Purpose */
const SINGLE_USE = 2
const AUTH = '/proto.AuthService/'

/** @returns PEM @throws PorticoError as AuthApi.confirmedCertificate */
export async function confirmedCertificate(ask: ConfirmedRequest): Promise<string> {
  const { proxy, flow, request, call, askCode, signal } = ask
  // Nobody is asked for a code that could not be used.
  const challenge = await (flow === 'unary' ? unaryChallenge(ask) : inStream(ask, undefined))
  if (typeof challenge === 'string') return challenge
  if (challenge.MFARequired === MFA_NO) return plain(ask)
  if (challenge.TOTP === undefined)
    throw new PorticoError('login/unsupported', {
      proxy: formatAddress(proxy),
      why: 'this session is to be confirmed with a security key (WebAuthn)',
    })
  const code = await askCode()
  try {
    if (flow === 'unary') {
      const MFAResponse = create(MFAAuthenticateResponseSchema, { Response: { case: 'TOTP', value: { Code: code } } })
      const { TLS } = await call(
        `${AUTH}GenerateUserCerts`,
        UserCertsRequestSchema,
        CertsSchema,
        { ...request, MFAResponse, Purpose: SINGLE_USE },
        signal,
      )
      return Buffer.from(TLS).toString('utf8')
    }
    const certificate = await inStream(ask, code)
    if (typeof certificate === 'string') return certificate
  } catch (error) {
    throw codeRefused(error, proxy)
  }
  throw new PorticoError('proxy/answer', { proxy: formatAddress(proxy), why: 'no certificate came' })
}

function unaryChallenge({ call, request, signal }: ConfirmedRequest): Promise<MFAAuthenticateChallenge> {
  const { RouteToDatabase } = request
  return call(
    `${AUTH}CreateAuthenticateChallenge`,
    CreateAuthenticateChallengeRequestSchema,
    MFAAuthenticateChallengeSchema,
    {
      Request: { case: 'ContextUser', value: {} },
      ...(RouteToDatabase === undefined ? {} : { MFARequiredCheck: { Target: { case: 'Database', value: RouteToDatabase } } }),
      ChallengeExtensions: { scope: USER_SESSION },
    },
    signal,
  )
}

async function plain({ call, request, signal }: ConfirmedRequest): Promise<string> {
  const { TLS } = await call(`${AUTH}GenerateUserCerts`, UserCertsRequestSchema, CertsSchema, request, signal)
  return Buffer.from(TLS).toString('utf8')
}

/**
 * One run of the stream: up to the challenge, or with a code to the certificate. A person takes minutes, and a stream that waits for one
 * may be cut meanwhile: so it is run once to see what is asked for, and again with the answer.
 */
async function inStream(
  { proxy, request, connect, signal }: ConfirmedRequest,
  code: string | undefined,
): Promise<MFAAuthenticateChallenge | string> {
  const stream = openConversation(await connect(signal), proxy, `${AUTH}GenerateUserSingleUseCerts`, signal)
  try {
    const first = await turn(stream, proxy, { case: 'Init', value: create(UserCertsRequestSchema, request) })
    if (first.case === 'Cert') return pemOf(first, proxy)
    if (first.case !== 'MFAChallenge') throw senseless(proxy)
    if (code === undefined) return first.value
    const value = { Response: { case: 'TOTP', value: { Code: code } } } as const
    const second = await turn(stream, proxy, { case: 'MFAResponse', value })
    if (second.case !== 'Cert') throw senseless(proxy)
    return pemOf(second, proxy)
  } finally {
    stream.close()
  }
}

type Turn = UserSingleUseCertsResponse['Response']

async function turn(
  stream: Conversation,
  proxy: Address,
  request: NonNullable<MessageInitShape<typeof UserSingleUseCertsRequestSchema>['Request']>,
): Promise<Turn> {
  const answer = await stream.turn(toBinary(UserSingleUseCertsRequestSchema, create(UserSingleUseCertsRequestSchema, { Request: request })))
  try {
    return fromBinary(UserSingleUseCertsResponseSchema, answer).Response
  } catch (error) {
    throw senseless(proxy, error)
  }
}

function pemOf({ value }: Extract<Turn, { case: 'Cert' }>, proxy: Address): string {
  if (value.Cert.case !== 'TLS') throw senseless(proxy)
  return Buffer.from(value.Cert.value).toString('utf8')
}

const senseless = (proxy: Address, cause?: unknown): PorticoError =>
  new PorticoError('wire/malformed', { proxy: formatAddress(proxy), why: 'its answer to a confirmed session makes no sense' }, cause)

/** What is refused only now is refused for its code. */
function codeRefused(error: unknown, proxy: Address): unknown {
  const facts = { proxy: formatAddress(proxy) }
  if (hasGrpcCode(error, GRPC.resourceExhausted)) return new PorticoError('login/too-many-tries', facts, error)
  const known = PorticoError.from(error)
  // Its text differs between versions and says no more than ours.
  return known.code === 'access/denied' || hasGrpcCode(error, GRPC.invalidArgument)
    ? new PorticoError('login/code-refused', facts, error)
    : error
}
