import { createPublicKey, X509Certificate } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import {
  CertsSchema,
  CreateAuthenticateChallengeRequestSchema,
  IsMFARequiredResponseSchema,
  MFAAuthenticateChallengeSchema,
  PingResponseSchema,
  UserCertsRequestSchema,
  type MFAAuthenticateChallenge,
} from '../../../electron/wire/gen/authservice_pb.ts'
import { GrpcFrameReader } from '../../../electron/wire/grpc-frames.ts'
import { encodeSubject, NO_IDENTITY } from '../../../electron/wire/identity.ts'
import { issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../../electron/wire/x509.ts'
import { answer, openAuthServer, refuse, type AuthServer } from './auth-server.ts'

/** How a server of version 16 is asked: by plain calls. wire/auth-grpc.md 6.2 */
const ROUTE = { cluster: 'small', name: 'orders', dbProtocol: 'postgres', databaseUser: 'reader', databaseName: 'shop' }
let server: AuthServer
let asked: string[] = []
let challenge: Partial<Pick<MFAAuthenticateChallenge, 'MFARequired'>> & { TOTP?: object } = { TOTP: {} }
let pem = ''

beforeAll(async () => {
  const caKeys = await newKeyPair('ecdsa-p256')
  const ca = openCaSigner(selfSignedCa('small', caKeys, Date.now()), privateKeyPem(caKeys.privateKey))
  const certificateFor = (tlsKey: string): string =>
    issueCertificate({
      ca,
      subject: encodeSubject({
        ...NO_IDENTITY,
        username: 'alice',
        roles: ['all'],
        teleportCluster: 'small',
        routeToDatabase: { ServiceName: 'orders', Protocol: 'postgres', Username: 'reader', Database: 'shop' },
      }),
      publicKey: createPublicKey(tlsKey),
      now: Date.now(),
      notAfter: Date.now() + 60_000,
    })
  server = await openAuthServer((stream, path) => {
    const reader = new GrpcFrameReader()
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(...reader.push(chunk)))
    stream.once('end', () => {
      const name = path.split('/').at(-1)!
      const body = chunks[0]!
      asked.push(name)
      if (name === 'Ping') return answer(stream, toBinary(PingResponseSchema, create(PingResponseSchema, { ServerVersion: '16.4.1' })))
      if (name === 'IsMFARequired')
        return answer(stream, toBinary(IsMFARequiredResponseSchema, create(IsMFARequiredResponseSchema, { MFARequired: 1 })))
      if (name === 'CreateAuthenticateChallenge') {
        const request = fromBinary(CreateAuthenticateChallengeRequestSchema, body)
        expect([request.Request.case, request.ChallengeExtensions?.scope]).toEqual(['ContextUser', 6])
        return answer(stream, toBinary(MFAAuthenticateChallengeSchema, create(MFAAuthenticateChallengeSchema, challenge)))
      }
      const { MFAResponse, Purpose, RequesterName } = fromBinary(UserCertsRequestSchema, body)
      if (MFAResponse !== undefined) {
        expect([Purpose, RequesterName]).toEqual([2, 1])
        if (MFAResponse.Response.value?.Code !== '123456') return refuse(stream, 7, 'invalid one time token')
      }
      return answer(stream, toBinary(CertsSchema, create(CertsSchema, { TLS: Buffer.from(pem) })))
    })
  })
  login = await server.login()
  pem = certificateFor(login.tlsKey)
})
let login: Awaited<ReturnType<AuthServer['login']>>
afterAll(() => server.close())

const withApi = async <T>(use: (api: Awaited<ReturnType<typeof openAuthApi>>) => Promise<T>): Promise<T> => {
  asked = []
  const proxy = { host: '127.0.0.1', port: server.port }
  const api = await openAuthApi({ proxy, rootCluster: 'small', cluster: 'small', login, hostCas: server.hostCas })
  try {
    return await use(api)
  } finally {
    api.close()
  }
}
const ask = (code: string): Promise<string> =>
  withApi(api => api.confirmedCertificate(ROUTE, Date.now() + 60_000, () => Promise.resolve(code)))

it('a challenge, then the code with the request for the certificate', async () => {
  expect(await withApi(api => api.needsCode(ROUTE))).toBe(true)
  expect(new X509Certificate(await ask('123456')).subject).toContain('alice')
  expect(asked).toEqual(['Ping', 'CreateAuthenticateChallenge', 'GenerateUserCerts'])
})

it('what is refused after the code is refused for the code', async () => {
  await expect(ask('000000')).rejects.toMatchObject({ code: 'login/code-refused' })
})

it('asks nobody where no code is wanted, or none would do', async () => {
  const never = (): Promise<string> => Promise.reject(new Error('asked'))
  const unasked = () => withApi(api => api.confirmedCertificate(ROUTE, Date.now() + 60_000, never))
  challenge = { MFARequired: 2 }
  expect(await unasked()).toBe(pem)
  challenge = {}
  await expect(unasked()).rejects.toMatchObject({ code: 'login/unsupported' })
})
