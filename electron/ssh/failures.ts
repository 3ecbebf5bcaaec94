import { PorticoError, type ErrorCode } from '../../shared/errors.ts'
import { DISCONNECT } from './messages/message-number.ts'

/** A failure with a reason that a person may read. */
export function sshFailure(code: ErrorCode, why: string, cause?: unknown): PorticoError {
  return new PorticoError(code, { why }, cause)
}

export const malformed = (why: string, cause?: unknown): PorticoError => sshFailure('wire/malformed', why, cause)

const LONGEST_TEXT = 2048

/** A stranger's text, fit for a terminal and a log: no control characters, not endless. */
export function printable(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .replace(/[^\P{C}\n\t]/gu, ' ')
    .trim()
}

/** The reason code that the peer is told. */
export function disconnectReason({ code }: PorticoError): number {
  switch (code) {
    case 'ssh/no-common-algorithm':
      return DISCONNECT.keyExchangeFailed
    case 'ssh/host-refused':
      return DISCONNECT.hostKeyNotVerifiable
    case 'ssh/login-refused':
      return DISCONNECT.noMoreAuthMethods
    case 'wire/malformed':
    case 'wire/too-long':
      return DISCONNECT.protocolError
    default:
      return DISCONNECT.byApplication
  }
}
