import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, test } from 'vitest'
import { openJoinTokens } from '../../../electron/cluster/auth/join-tokens.ts'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { decodeCa, encodeCa } from '../../../electron/cluster/leaf/ca-resource.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { answerForThrown, type WebRequest } from '../../../electron/cluster/web/answer.ts'
import { hostCredentials } from '../../../electron/cluster/web/host-credentials.ts'
import { validateTrustedCluster } from '../../../electron/cluster/web/trusted-clusters.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { decodeIdentity } from '../../../electron/wire/identity.ts'
import { decodeSshCertificate, SSH_NO_END } from '../../../electron/wire/ssh-certificate.ts'

/** Captured from Teleport 13.0.0-dev, fixtures/tunnel and fixtures/leaf; see README.md. */
const file = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

/** The JSON body, chunked or not. */
function bodyOf(text: string): any {
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1).replace(/\r\n[0-9a-f]+\r\n/g, ''))
}

function requestOf(name: string, change: (body: any) => void = () => {}): WebRequest {
  const body = bodyOf(file(name))
  change(body)
  return Object.assign(Readable.from([Buffer.from(JSON.stringify(body))]), {
    headers: { 'content-type': 'application/json' },
    method: 'POST',
  }) as unknown as WebRequest
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')

let auth: OpenAuth
let tokens: ReturnType<typeof openJoinTokens>

beforeAll(async () => {
  const storage = openMemoryStorage()
  auth = await openAuth({ clusterName: 'root.example', storage, secondFactor: 'off', log: NO_LOG })
  tokens = openJoinTokens(storage, [
    { secret: 'lab-join-token', roles: ['node', 'db'] },
    { secret: 'lab-tc-token', roles: ['trusted_cluster'] },
  ])
})

describe('a joining agent of v13', () => {
  test('gets certificates of the form that v13 gives', async () => {
    const answer = await hostCredentials({ auth, tokens, request: requestOf('register-node.request.txt') })
    const [ours, theirs] = [JSON.parse(String(answer.body)), bodyOf(file('register-node.response.txt'))]
    expect(Object.keys(ours)).toEqual(Object.keys(theirs))
    const [mine, captured] = [decodeSshCertificate(decode(ours.ssh).trim()), decodeSshCertificate(decode(theirs.ssh).trim())]
    expect(mine.principals).toEqual(captured.principals)
    expect([...mine.extensions]).toEqual([...captured.extensions])
    expect([mine.kind, mine.keyId, mine.serial, mine.validBefore]).toEqual(['host', '', 0n, SSH_NO_END])
    expect(mine.publicKey.equals(captured.publicKey)).toBe(true)
    const [ourTls, theirTls] = [decodeIdentity(decode(ours.tls)), decodeIdentity(decode(theirs.tls))]
    expect(ourTls.identity).toEqual(theirTls.identity)
    expect(ours.ssh_ca_certs.map(decode)).toEqual(auth.ca('host').ssh.map(key => `${key}\n`))
  })

  test.each([
    ['a wrong token', { token: 'x' }, 403, '"agent9" can not join the cluster with role Node, the token is not valid'],
    ['no token', { token: '' }, 403, '"agent9" can not join the cluster with role Node, the token is not valid'],
    [
      'a role that the token lacks',
      { role: 'Proxy' },
      400,
      'node "agent9" can not join the cluster, the token does not allow "Proxy" role',
    ],
    [
      'the role of the auth server',
      { role: 'Admin' },
      400,
      'node "agent9" can not join the cluster, the token does not allow "Admin" role',
    ],
    ['a name of the cluster itself', { dns_names: ['a.teleport.cluster.local'] }, 400, 'a principal is not usable'],
    ['a host id that is a path', { hostID: '../x' }, 400, 'HostID is not usable'],
    ['no key', { public_tls_key: '' }, 400, 'missing or unreadable parameter PublicTLSKey'],
    ['a key that is none', { public_ssh_key: 'eA==' }, 400, 'missing or unreadable parameter PublicSSHKey'],
  ])('is refused with %s', async (_what, change, status, message) => {
    const request = requestOf('register-node.request.txt', body => Object.assign(body, change))
    const answer = await hostCredentials({ auth, tokens, request }).catch(answerForThrown)
    expect([answer.status, JSON.parse(String(answer.body))]).toEqual([status, { error: { message } }])
  })
})

test.each(['Db', 'Node'])('a %s of v13 that asks for the names of its role gets what its role has', async role => {
  const request = requestOf('register-node.request.txt', body =>
    Object.assign(body, { role, dns_names: ['*.teleport.cluster.local', 'teleport.cluster.local'] }),
  )
  const answer = await hostCredentials({ auth, tokens, request })
  const { subjectAltName = '' } = new X509Certificate(decode(JSON.parse(String(answer.body)).tls))
  expect(subjectAltName.includes('DNS:*.teleport.cluster.local')).toBe(role === 'Db')
})

describe('a cluster of v13 that becomes a leaf', () => {
  test('is refused with a wrong token in the words and form of v13', async () => {
    const answer = await validateTrustedCluster({ auth, tokens, request: requestOf('trusted-validate.bad-token.request.txt') }).catch(
      answerForThrown,
    )
    const captured = file('trusted-validate.bad-token.response.txt')
    expect(answer.status).toBe(403)
    expect(String(answer.body)).toBe(captured.slice(captured.indexOf('{')))
  })

  test('gets our authorities as v13 gives its own, and is a leaf then', async () => {
    const answer = await validateTrustedCluster({ auth, tokens, request: requestOf('trusted-validate.good.request.txt') })
    const ours = JSON.parse(String(answer.body)).certificate_authorities.map((ca: string) => JSON.parse(decode(ca)))
    expect(ours.map((ca: any) => [ca.sub_kind, ca.metadata.name])).toEqual([
      ['host', 'root.example'],
      ['user', 'root.example'],
      ['db', 'root.example'],
    ])
    expect(auth.trust.leaves()).toEqual(['leaf.example'])
    expect(auth.trustedCas('host').map(({ cluster }) => cluster)).toEqual(['root.example', 'leaf.example'])
    expect(auth.trustedCas('user').map(({ cluster }) => cluster)).toEqual(['root.example'])
  })

  test('may not take the name of another leaf, or ours', async () => {
    const other = await openAuth({ clusterName: 'leaf.example', storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
    for (const [ca, message] of [
      [other.ca('host'), 'access denied: cluster "leaf.example" is trusted already'],
      [auth.ca('host'), 'access denied: remote cluster has same name as this cluster: "root.example"'],
    ] as const) {
      const request = requestOf('trusted-validate.good.request.txt', body => {
        body.certificate_authorities = [Buffer.from(encodeCa(ca)).toString('base64')]
      })
      const answer = await validateTrustedCluster({ auth, tokens, request }).catch(answerForThrown)
      expect([answer.status, JSON.parse(String(answer.body)).error.message]).toEqual([403, message])
    }
  })
})

test('authorities are written byte for byte as v13 writes them', () => {
  const { certificate_authorities: captured } = bodyOf(file('trusted-validate.good.response.txt'))
  for (const text of captured.map(decode)) {
    const ca = decodeCa(text)
    if (ca !== undefined) expect(encodeCa(ca)).toBe(text)
  }
  expect(captured.map((text: string) => decodeCa(decode(text))?.type)).toEqual(['host', 'user', 'db', undefined])
})
