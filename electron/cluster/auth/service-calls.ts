import { create } from '@bufbuild/protobuf'
import { EmptySchema } from '@bufbuild/protobuf/wkt'
import { AuthService } from '../../wire/gen/authservice_pb.ts'
import { KeepAliveSchema } from '../../wire/gen/types_pb.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import { roleMessage } from './messages.ts'
import { databaseServerOf } from './read-messages.ts'
import { method, type CallContext, type RpcMethod } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** Calls that services make, most of them database agents over the reverse tunnel; `tsh login` reads roles too. */

const denied = (message: string): RpcRefusal => new RpcRefusal(GRPC.permissionDenied, message)

/** A database service may speak of what its own host serves, and of nothing else. */
function checkHost({ auth, caller }: CallContext, hostId: string): void {
  const isAgent = caller.kind === 'service' && caller.role === 'Db' && caller.name === `${hostId}.${auth.clusterName}`
  if (!isAgent) throw denied('this request can only be executed by the database service itself')
}

/** Records of agents end by themselves if nobody renews them. Teleport: apidefaults.ServerAnnounceTTL, 10 min */
const LONGEST_MS = 10 * 60_000

export const SERVICE_METHODS: readonly (readonly [string, RpcMethod])[] = [
  method(AuthService.method.getRole, async (request, { auth, caller }) => {
    // Whoever holds a role may read it: tsh looks at each at every sign-in. Teleport: lib/auth/auth_with_roles.go GetRole
    const held = caller.kind === 'user' ? await auth.rolesOf(caller.caller.identity) : []
    const own = held.find(({ name }) => name === request.Name)
    if (own !== undefined) return roleMessage(own)
    if (caller.kind !== 'service' || caller.role === 'RemoteProxy') throw denied(`access denied to perform action "read" on "role"`)
    const [role] = await auth.roles([request.Name])
    return roleMessage(role!)
  }),

  method(AuthService.method.upsertDatabaseServer, async (request, context) => {
    const server = request.Server && databaseServerOf(request.Server)
    if (server === undefined) throw new RpcRefusal(GRPC.invalidArgument, 'missing database server')
    checkHost(context, server.hostId)
    const latest = context.now() + LONGEST_MS
    await context.auth.announce({ ...server, expires: server.expires > context.now() ? Math.min(server.expires, latest) : latest })
    return create(KeepAliveSchema)
  }),

  method(AuthService.method.deleteDatabaseServer, async (request, context) => {
    checkHost(context, request.HostID)
    await context.auth.withdraw({ hostId: request.HostID, name: request.Name })
    return create(EmptySchema)
  }),
]
