import { PorticoError } from '../../../shared/errors.ts'
import { GRPC, type GrpcCode } from '../../wire/grpc-status.ts'

/** An answer that is a refusal, in Go's words: they are part of what clients match on. */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal'
  readonly code: GrpcCode

  constructor(code: GrpcCode, message: string) {
    super(message)
    this.code = code
  }

  /** Anything thrown, as a status; undefined when it is nobody's fault but ours and must not be told. */
  static from(thrown: unknown): RpcRefusal | undefined {
    if (thrown instanceof RpcRefusal) return thrown
    if (!(thrown instanceof PorticoError)) return undefined
    const why = thrown.facts['why']
    const text = typeof why === 'string' ? why : thrown.code
    switch (thrown.code) {
      case 'access/denied':
      case 'login/refused':
        return new RpcRefusal(GRPC.permissionDenied, text)
      case 'login/too-many-tries':
        return new RpcRefusal(GRPC.resourceExhausted, text)
      case 'resource/not-found':
        return new RpcRefusal(GRPC.notFound, text)
      case 'wire/malformed':
      case 'wire/too-long':
      case 'cluster/config':
        // Go's SSH library fails without a class of error, hence 2. [captured]
        return new RpcRefusal(text === 'ssh: no key found' ? GRPC.unknown : GRPC.invalidArgument, text)
      default:
        return undefined
    }
  }
}
