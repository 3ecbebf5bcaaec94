import { expect, test } from 'vitest'
import { der, derOid, derSequence, derSetOf, derText, TAG } from '../../../electron/wire/der.ts'
import { decodeSubject, encodeSubject, encodeTraits, NO_IDENTITY, type Identity } from '../../../electron/wire/identity.ts'

const attribute = (oid: string, value: Buffer): Buffer => derSequence(derOid(oid), value)
const name = (...attributes: Buffer[]): Buffer => derSequence(...attributes.map(one => derSetOf(one)))
const CN = attribute('2.5.4.3', derText('alice'))
const O = attribute('2.5.4.10', derText('access'))

test('everything an identity can say survives the subject', () => {
  const identity: Identity = {
    username: 'zoe+test@example.test',
    roles: ['access', 'reader+writer'],
    usage: ['usage:db'],
    logins: ['root', '-teleport-internal-join'],
    routeToCluster: 'leaf.example',
    teleportCluster: 'root.example',
    traits: { logins: ['root', '<a&b>'], db_names: [] },
    kubeUsers: ['u=1'],
    kubeGroups: ['b', 'a'],
    kubeCluster: 'k1',
    routeToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: `o'brien "x"\n`, Database: 'café' },
    databaseNames: ['*'],
    databaseUsers: ['*', 'x'],
    app: { sessionId: 's', clusterName: 'c', publicAddr: 'p', name: 'n', awsRoleArn: 'arn' },
    loginIp: '127.0.0.1',
    pinnedIp: '10.0.0.1',
    activeRequests: ['r1', 'r2'],
    disallowReissue: true,
    privateKeyPolicy: 'none',
    mfaVerified: 'm',
    awsRoleArns: ['arn', 'other'],
  }
  expect(decodeSubject(encodeSubject(identity))).toEqual(identity)
})

test('one role a set reads like several roles in one set', () => {
  expect(decodeSubject(name(CN, O, attribute('2.5.4.10', derText('editor')))).roles).toEqual(['access', 'editor'])
})

test.each([
  [TAG.teletexString, 'caf\xe9', 'latin1'],
  [TAG.ia5String, 'cafe', 'latin1'],
  [TAG.utf8String, 'café', 'utf8'],
] as const)('reads a name of string type %i', (tag, text, encoding) => {
  expect(decodeSubject(name(attribute('2.5.4.3', der(tag, Buffer.from(text, encoding))), O)).username).toBe(text)
})

test('ignores unknown attributes and values that are no text', () => {
  const odd = name(CN, O, attribute('1.3.9999.2.99', derText('x')), attribute('1.3.9999.2.1', der(TAG.integer, Buffer.from([1]))))
  expect(decodeSubject(odd)).toEqual({ ...NO_IDENTITY, username: 'alice', roles: ['access'] })
})

test('the last of a repeated single value wins', () => {
  const twice = name(CN, O, attribute('1.3.9999.1.7', derText('a')), attribute('1.3.9999.1.7', derText('b')))
  expect(decodeSubject(twice).teleportCluster).toBe('b')
})

test('no identity without CN or O', () => {
  expect(() => decodeSubject(name(O))).toThrow(/no user/)
  expect(() => decodeSubject(name(CN))).toThrow(/no role/)
})

test.each(['null', '{}', '', '{broken', '[]', '7'])('traits %j cost nothing', text => {
  expect(decodeSubject(name(CN, O, attribute('2.5.4.17', derText(text)))).traits).toEqual({})
})

test('writes traits as Go does', () => {
  expect(encodeTraits({})).toBe('null')
  expect(encodeTraits({ b: ['<&>'], a: [] })).toBe('{"a":null,"b":["\\u003c\\u0026\\u003e"]}')
})
