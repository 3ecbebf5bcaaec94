import { PorticoError, type ErrorCode } from '../../shared/errors.ts'
import { GRPC, decodeGrpcMessage } from '../wire/grpc-status.ts'
import { serverWords } from './client-errors.ts'

/** What the auth service answers with instead of a message. wire/auth-grpc.md 1.2 */

/** Texts of Teleport that change what a status means: it has no code of its own for them. */
const BY_TEXT: readonly (readonly [code: number, pattern: RegExp, meaning: ErrorCode])[] = [
  [GRPC.permissionDenied, /client credentials have expired|please relogin/i, 'login/expired'],
  // The connection carried no certificate: the identity "Nop".
  [GRPC.notFound, /^role Nop is not found/, 'login/required'],
  [GRPC.invalidArgument, /private key policy not met/, 'login/unsupported'],
  [GRPC.invalidArgument, /^failed to parse predicate expression/, 'usage/invalid'],
]

const BY_CODE: Readonly<Record<number, ErrorCode>> = {
  [GRPC.cancelled]: 'proxy/refused',
  [GRPC.deadlineExceeded]: 'proxy/timeout',
  [GRPC.permissionDenied]: 'access/denied',
  [GRPC.unavailable]: 'proxy/refused',
  [GRPC.unauthenticated]: 'login/expired',
}

/** Kept beside the words for callers that react to a status: `facts.grpc`. */
export function grpcError(code: number, message: string, proxy: string): PorticoError {
  const why = serverWords(decodeGrpcMessage(message)) || `status ${code}`
  const meaning = BY_TEXT.find(([status, pattern]) => status === code && pattern.test(why))?.[2] ?? BY_CODE[code] ?? 'proxy/answer'
  return new PorticoError(meaning, { proxy, why, grpc: code })
}

/** Whether a failed call failed with this status. */
export function hasGrpcCode(error: unknown, code: number): boolean {
  return error instanceof PorticoError && error.facts['grpc'] === code
}
