import { create } from '@bufbuild/protobuf'
import {
  ListResourcesResponseSchema,
  PaginatedResourceSchema,
  type ListResourcesRequest,
  type ListResourcesResponse,
} from '../../wire/gen/authservice_pb.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import type { DatabaseServer } from './auth.ts'
import { databaseServerMessage } from './messages.ts'
import { parsePredicate, type Predicate } from './predicate.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** Kinds that a cluster may have and this one has none of: asked for, they give an empty list. */
const EMPTY_KINDS: ReadonlySet<string> = new Set([
  'app_server',
  'node',
  'kube_cluster',
  'kube_server',
  'windows_desktop',
  'windows_desktop_service',
  'db_service',
])

/** Where a page starts: opaque to clients, but in this form on the wire. [captured] */
const keyOf = (server: DatabaseServer): string => `${server.hostId}/${server.name}`

/** All databases here are self-hosted: Teleport's word for `type`. */
const TYPE = 'self-hosted'

function searchMatches(server: DatabaseServer, words: readonly string[]): boolean {
  const labels = Object.entries(server.labels).flat()
  const fields = [server.name, server.description, server.dbProtocol, TYPE, ...labels].map(field => field.toLowerCase())
  return words.every(word => fields.some(field => field.includes(word.toLowerCase())))
}

function predicateOf(text: string): ((server: DatabaseServer) => boolean) | undefined {
  if (text === '') return undefined
  const predicate: Predicate = parsePredicate(text)
  return server =>
    predicate({
      name: server.name,
      labels: server.labels,
      description: server.description,
      kind: 'db',
      protocol: server.dbProtocol,
      uri: server.uri,
      search: words => searchMatches(server, words),
    })
}

function sortValue(server: DatabaseServer, field: string): string {
  switch (field) {
    case 'name':
      return server.name
    case 'description':
      return server.description
    case 'type':
      return TYPE
    case 'uri':
      return server.uri
    case 'protocol':
      return server.dbProtocol
    default:
      throw new RpcRefusal(GRPC.unimplemented, `sorting by field "${field}" for resource db_server is not supported`)
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** ListResources. `servers` are those that the caller may see. wire/auth-grpc.md 5.1 */
export function listResources(request: ListResourcesRequest, servers: readonly DatabaseServer[]): ListResourcesResponse {
  const { ResourceType: kind, Limit: limit, SortBy: sort } = request
  if (limit <= 0) throw new RpcRefusal(GRPC.invalidArgument, 'nonpositive parameter limit')
  const matches = predicateOf(request.PredicateExpression)
  if (EMPTY_KINDS.has(kind)) return create(ListResourcesResponseSchema)
  if (kind !== 'db_server') throw new RpcRefusal(GRPC.unimplemented, `resource type ${kind} does not support pagination`)

  const labels = Object.entries(request.Labels)
  const found = servers.filter(
    server =>
      labels.every(([key, value]) => Object.hasOwn(server.labels, key) && server.labels[key] === value) &&
      searchMatches(server, request.SearchKeywords) &&
      (matches?.(server) ?? true),
  )
  found.sort((a, b) => compare(keyOf(a), keyOf(b)))
  const field = sort?.Field ?? ''
  if (field !== '') {
    const direction = sort?.IsDesc === true ? -1 : 1
    found.sort((a, b) => direction * (compare(sortValue(a, field), sortValue(b, field)) || compare(keyOf(a), keyOf(b))))
  }
  // The start key is the first of the page; when it is gone since, the next one in its place.
  const { StartKey: startKey } = request
  const exact = startKey === '' ? 0 : found.findIndex(server => keyOf(server) === startKey)
  const start = exact >= 0 ? exact : field === '' ? found.filter(server => keyOf(server) < startKey).length : found.length
  const next = found[start + limit]
  return create(ListResourcesResponseSchema, {
    Resources: found
      .slice(start, start + limit)
      .map(server => create(PaginatedResourceSchema, { Resource: { case: 'DatabaseServer', value: databaseServerMessage(server) } })),
    NextKey: next === undefined ? '' : keyOf(next),
    TotalCount: request.NeedTotalCount || field !== '' ? found.length : 0,
  })
}
