import { create } from '@bufbuild/protobuf'
import { PorticoError } from '../../shared/errors.ts'
import { GRPC } from '../wire/grpc-status.ts'
import { ListResourcesRequestSchema, type ListResourcesRequest, type ListResourcesResponse } from '../wire/gen/authservice_pb.ts'
import type { DatabaseServerV3 } from '../wire/gen/types_pb.ts'
import type { ListQuery, ListedDatabase } from './client.ts'
import { hasGrpcCode } from './grpc-errors.ts'

/** As many as tsh asks for; halved when a page is too large to be sent. */
const PAGE = 1_000
/** Ends a server that always has one more page. */
const MAX_ENTRIES = 200_000

/** Reads all pages of `ListResources`. wire/auth-grpc.md 5 */
export async function listDatabaseServers(
  ask: (request: ListResourcesRequest) => Promise<ListResourcesResponse>,
  query: ListQuery = {},
): Promise<readonly DatabaseServerV3[]> {
  const servers: DatabaseServerV3[] = []
  let limit = PAGE
  let startKey = ''
  for (;;) {
    const request = create(ListResourcesRequestSchema, {
      ResourceType: 'db_server',
      Namespace: 'default',
      Limit: limit,
      StartKey: startKey,
      SearchKeywords: [...(query.search ?? [])],
      PredicateExpression: query.predicate ?? '',
    })
    const page = await ask(request).catch((error: unknown) => {
      const tooLarge = hasGrpcCode(error, GRPC.resourceExhausted) || (error instanceof PorticoError && error.code === 'wire/too-long')
      if (!tooLarge || limit === 1) throw error
      return undefined
    })
    if (page === undefined) {
      limit = Math.floor(limit / 2)
      continue
    }
    // A kind that this version does not know is left out.
    for (const { Resource } of page.Resources) if (Resource.case === 'DatabaseServer') servers.push(Resource.value)
    if (page.NextKey === startKey && startKey !== '') throw new PorticoError('proxy/answer', { why: 'its list of databases does not end' })
    startKey = page.NextKey
    if (servers.length > MAX_ENTRIES) throw new PorticoError('wire/too-long', { why: `more than ${MAX_ENTRIES} databases are listed` })
    if (startKey === '') return servers
  }
}

/** One entry a name, however many agents serve it; labels are the fixed ones and the results of the dynamic ones. Ordered by name. */
export function mergeDatabaseServers(servers: readonly DatabaseServerV3[], cluster: string): readonly ListedDatabase[] {
  const byName = new Map<string, ListedDatabase & { agents: string[] }>()
  for (const { Metadata, Spec } of servers) {
    const database = Spec?.Database
    const name = database?.Metadata?.Name || Metadata?.Name || ''
    if (name === '' || Spec === undefined) continue
    const there = byName.get(name)
    if (there !== undefined) {
      if (!there.agents.includes(Spec.HostID)) there.agents.push(Spec.HostID)
      continue
    }
    const labels = { ...database?.Metadata?.Labels }
    for (const [label, command] of Object.entries(database?.Spec?.DynamicLabels ?? {})) labels[label] = command.Result
    byName.set(name, {
      name,
      cluster,
      labels,
      agents: [Spec.HostID],
      dbProtocol: database?.Spec?.Protocol || Spec.Protocol,
      description: database?.Metadata?.Description ?? '',
      uri: database?.Spec?.URI || Spec.URI,
      mysqlServerVersion: database?.Status?.MySQL?.ServerVersion || database?.Spec?.MySQL?.ServerVersion || '',
    })
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
