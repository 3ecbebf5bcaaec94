import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../../shared/errors.ts'
import { grpcError } from '../../../electron/client/grpc-errors.ts'
import { listDatabaseServers, mergeDatabaseServers } from '../../../electron/client/list-databases.ts'
import {
  ListResourcesResponseSchema,
  type ListResourcesRequest,
  type ListResourcesResponse,
} from '../../../electron/wire/gen/authservice_pb.ts'
import { GRPC } from '../../../electron/wire/grpc-status.ts'
import { capturedBytes } from './captured.ts'

const page = (name: string): ListResourcesResponse =>
  fromBinary(ListResourcesResponseSchema, capturedBytes(`auth-grpc/${name}.response.bin`))
const errors = JSON.parse(capturedBytes('auth-grpc/errors.json').toString()) as { name: string; code: number; message: string }[]

describe('the captured list of databases', () => {
  it('gives each database with labels, protocol and agent', async () => {
    const databases = mergeDatabaseServers(await listDatabaseServers(async () => page('list-db_server')), 'root.example')
    expect(databases.map(({ name, dbProtocol }) => [name, dbProtocol])).toEqual([
      ['cache', 'redis'],
      ['maria', 'mysql'],
      ['mongo', 'mongodb'],
      ['pg', 'postgres'],
      ['pg-agent', 'postgres'],
    ])
    expect(databases[0]).toMatchObject({
      cluster: 'root.example',
      uri: 'rediss://localhost:16379',
      labels: { env: 'lab', 'teleport.dev/origin': 'config-file' },
      agents: ['9159eea4-4468-4b96-bbb1-a5217379e791'],
    })
  })

  it('is the same when it comes in pages of one', async () => {
    const whole = await listDatabaseServers(async () => page('list-db_server'))
    const asked: string[] = []
    let n = 0
    const paged = await listDatabaseServers(async ({ StartKey }) => {
      asked.push(StartKey)
      return page(`list-db_server-page-${(n += 1)}`)
    })
    expect(n).toBe(5)
    expect(asked.slice(0, 2)).toEqual(['', '9159eea4-4468-4b96-bbb1-a5217379e791/maria'])
    expect(mergeDatabaseServers(paged, 'c')).toEqual(mergeDatabaseServers(whole, 'c'))
  })

  it('is asked for in smaller pages when a page is too large', async () => {
    const limits: number[] = []
    const tooLarge = async ({ Limit }: ListResourcesRequest): Promise<ListResourcesResponse> => {
      limits.push(Limit)
      if (Limit > 300) throw grpcError(GRPC.resourceExhausted, 'grpc: received message larger than max', 'p')
      return page('list-db_server')
    }
    expect(await listDatabaseServers(tooLarge)).toHaveLength(5)
    expect(limits).toEqual([1_000, 500, 250])
    await expect(
      listDatabaseServers(async () => {
        throw new PorticoError('wire/too-long')
      }),
    ).rejects.toMatchObject({ code: 'wire/too-long' })
  })

  it('leaves out what it does not know and ends when a server repeats itself', async () => {
    expect(await listDatabaseServers(async () => page('list-app_server'))).toEqual([])
    await expect(listDatabaseServers(async () => ({ ...page('list-db_server'), NextKey: 'again' }))).rejects.toMatchObject({
      code: 'proxy/answer',
    })
  })

  it('holds one entry a name with all its agents, and the results of dynamic labels', async () => {
    const [first] = await listDatabaseServers(async () => page('list-db_server'))
    const second = structuredClone(first!)
    second.Spec!.HostID = 'another host'
    const spec = first!.Spec!.Database!.Spec!
    spec.DynamicLabels = { uptime: { $typeName: 'types.CommandLabelV2', Period: 1n, Command: ['uptime'], Result: 'long' } }
    const [database, ...others] = mergeDatabaseServers([first!, second, first!], 'c')
    expect(others).toEqual([])
    expect(database).toMatchObject({
      agents: ['9159eea4-4468-4b96-bbb1-a5217379e791', 'another host'],
      labels: { uptime: 'long', env: 'lab' },
    })
  })
})

describe('captured gRPC refusals', () => {
  const code = (name: string): string => {
    const { code: status, message } = errors.find(error => error.name === name)!
    return grpcError(status, message, 'p:443').code
  }

  it('mean what a user can do about them', () => {
    expect(code('fail-certs-past-expiry')).toBe('login/expired')
    expect(code('fail-certs-other-user')).toBe('access/denied')
    expect(code('list-db_server-predicate-bad')).toBe('usage/invalid')
    expect(code('fail-unknown-method')).toBe('proxy/answer')
    expect(code('fail-request-too-big')).toBe('proxy/answer')
  })

  it('all have words', () => {
    for (const { code: status, message } of errors)
      expect(grpcError(status, message, 'p').facts).toMatchObject({ why: message, grpc: status })
  })

  it('without a certificate mean that one must sign in', () => {
    expect(grpcError(5, 'role Nop is not found', 'p').code).toBe('login/required')
  })

  it('come with percent signs resolved and control characters removed', () => {
    expect(grpcError(2, 'caf%C3%A9%1B[31m red', 'p').facts['why']).toBe('café [31m red')
  })
})
