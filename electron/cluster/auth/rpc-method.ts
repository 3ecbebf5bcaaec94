import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import type { Address } from '../../../shared/address.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import type { DatabaseServer } from './auth.ts'
import type { Caller, OpenAuth } from './open-auth.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** Who calls: nobody in particular, a user, or a service of this cluster by its system role. */
export type RpcCaller =
  | { readonly kind: 'nop' }
  | { readonly kind: 'user'; readonly caller: Caller; readonly cluster: string }
  | { readonly kind: 'service'; readonly role: string; readonly name: string; readonly cluster: string }

export interface CallContext {
  readonly auth: OpenAuth
  readonly caller: RpcCaller
  readonly client: Address
  /** `host:port` for people's clients; empty = not told. */
  readonly publicAddress: string
  /** Whether a list may show it: an agent that is away is left out at once, though its record lives on. */
  readonly isReachable: (server: DatabaseServer) => boolean
  readonly now: () => number
}

/** Reads the next message of a client. @throws RpcRefusal when none comes */
export type NextMessage = () => Promise<Uint8Array>

/** What it throws is the call's status: RpcRefusal, PorticoError. */
export type RpcMethod =
  | { readonly kind: 'answer'; readonly answer: (request: Uint8Array, context: CallContext) => Promise<readonly Uint8Array[]> }
  | { readonly kind: 'conversation'; readonly converse: (next: NextMessage, context: CallContext) => AsyncIterable<Uint8Array> }

type Messages<O extends DescMessage> = MessageShape<O> | MessageInitShape<O>

function decode<I extends DescMessage>(input: I, request: Uint8Array): MessageShape<I> {
  try {
    return fromBinary(input, request)
  } catch {
    throw new RpcRefusal(GRPC.internal, 'grpc: error unmarshalling request: unexpected EOF')
  }
}

const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`

/** Decodes, runs, encodes. A stream answers with a list. */
export function method<I extends DescMessage, O extends DescMessage>(
  desc: DescMethod & { input: I; output: O },
  run: (request: MessageShape<I>, context: CallContext) => Promise<Messages<O> | readonly Messages<O>[]>,
): readonly [string, RpcMethod] {
  const { input, output } = desc
  return [
    pathOf(desc),
    {
      kind: 'answer',
      async answer(request, context) {
        const answer = await run(decode(input, request), context)
        const all = (Array.isArray(answer) ? answer : [answer]) as readonly Messages<O>[]
        return all.map(one => toBinary(output, create(output, one as MessageInitShape<O>)))
      },
    },
  ]
}

/** Both sides speak in turn. */
export function conversation<I extends DescMessage, O extends DescMessage>(
  desc: DescMethod & { input: I; output: O },
  run: (next: () => Promise<MessageShape<I>>, context: CallContext) => AsyncIterable<MessageShape<O>>,
): readonly [string, RpcMethod] {
  const { input, output } = desc
  return [
    pathOf(desc),
    {
      kind: 'conversation',
      async *converse(next, context) {
        for await (const message of run(async () => decode(input, await next()), context)) yield toBinary(output, message)
      },
    },
  ]
}
