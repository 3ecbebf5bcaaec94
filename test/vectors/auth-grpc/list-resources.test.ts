import { readdirSync, readFileSync } from 'node:fs'
import { fromBinary } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import type { DatabaseServer } from '../../../electron/cluster/auth/auth.ts'
import { listResources } from '../../../electron/cluster/auth/list-resources.ts'
import {
  ListResourcesRequestSchema,
  ListResourcesResponseSchema,
  type ListResourcesResponse,
} from '../../../electron/wire/gen/authservice_pb.ts'

const read = (call: string, file: string): Buffer => readFileSync(new URL(`${call}/${file}`, import.meta.url))
const answered = (call: string): ListResourcesResponse => fromBinary(ListResourcesResponseSchema, read(call, 'response.bin'))

/** The databases of the captured cluster, as our agents would announce them. */
const servers = answered('list-db_server').Resources.map(({ Resource: { value } }): DatabaseServer => ({
  name: value!.Metadata!.Name,
  description: value!.Metadata!.Description,
  dbProtocol: value!.Spec!.Database!.Spec!.Protocol,
  uri: value!.Spec!.Database!.Spec!.URI,
  labels: value!.Metadata!.Labels,
  hostId: value!.Spec!.HostID,
  hostname: value!.Spec!.Hostname,
  expires: timestampMs(value!.Metadata!.Expires!),
}))

/** What a client reads of a list. */
const told = (response: ListResourcesResponse): unknown => ({
  nextKey: response.NextKey,
  total: response.TotalCount,
  servers: response.Resources.map(({ Resource: { case: kind, value } }) => ({
    kind,
    names: [value?.Kind, value?.Version, value?.Metadata?.Name, value?.Metadata?.Namespace, value?.Metadata?.Labels],
    host: [value?.Spec?.Hostname, value?.Spec?.HostID, value?.Spec?.Protocol, value?.Spec?.URI],
    database: [
      value?.Spec?.Database?.Kind,
      value?.Spec?.Database?.Version,
      value?.Spec?.Database?.Metadata?.Name,
      value?.Spec?.Database?.Metadata?.Labels,
    ],
    spec: [value?.Spec?.Database?.Spec?.Protocol, value?.Spec?.Database?.Spec?.URI],
  })),
})

const calls = readdirSync(new URL('.', import.meta.url)).filter(name => name.startsWith('list-db_server'))

test.each(calls)('answers %s as a Teleport 13 did', call => {
  const request = fromBinary(ListResourcesRequestSchema, read(call, 'request.bin'))
  const backwards = [...servers].toReversed()
  expect(told(listResources(request, backwards))).toEqual(told(answered(call)))
})
