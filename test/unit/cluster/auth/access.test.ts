import { expect, test } from 'vitest'
import { applyTraits, matchesLabels, mayListDatabase, mayUseDatabase } from '../../../../electron/cluster/auth/access.ts'
import type { DatabaseServer, Role, RoleConditions } from '../../../../electron/cluster/auth/auth.ts'

const NOTHING: RoleConditions = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const role = (allow: Partial<RoleConditions>, deny: Partial<RoleConditions> = {}): Role => ({
  name: 'r',
  maxSessionTtlMs: 0,
  allow: { ...NOTHING, ...allow },
  deny: { ...NOTHING, ...deny },
})
const server = (dbProtocol = 'postgres', labels: Record<string, string> = { env: 'dev', team: 'a' }): DatabaseServer => ({
  name: 'pg',
  description: '',
  dbProtocol,
  uri: '',
  labels,
  hostId: 'h',
  hostname: 'h',
  expires: 0,
})
const dev = role({ dbLabels: { env: ['dev', 'test'] }, dbUsers: ['reader'], dbNames: ['metrics'] })
const all = role({ dbLabels: { '*': ['*'] }, dbUsers: ['*'], dbNames: ['*'] })

test('one role must allow labels, user and name together', () => {
  expect(mayUseDatabase([dev], server(), 'reader', 'metrics')).toBe(true)
  expect(mayUseDatabase([dev], server(), 'writer', 'metrics')).toBe(false)
  expect(mayUseDatabase([dev], server(), 'reader', 'other')).toBe(false)
  expect(mayUseDatabase([dev], server('postgres', { env: 'prod' }), 'reader', 'metrics')).toBe(false)
  const [labels, users] = [role({ dbLabels: { '*': ['*'] } }), role({ dbUsers: ['*'], dbNames: ['*'] })]
  expect(mayUseDatabase([labels, users], server(), 'reader', 'metrics')).toBe(false)
})

test('no role, or a role without labels, allows nothing', () => {
  expect(mayUseDatabase([], server(), 'reader', 'metrics')).toBe(false)
  expect(mayUseDatabase([role({ dbUsers: ['*'], dbNames: ['*'] })], server(), 'reader', 'metrics')).toBe(false)
})

test.each([{ dbUsers: ['reader'] }, { dbNames: ['metrics'] }, { dbLabels: { env: ['dev'] } }, { dbUsers: ['*'] }])(
  'a denial of %j wins over any role',
  deny => {
    expect(mayUseDatabase([all, role({}, deny)], server(), 'reader', 'metrics')).toBe(false)
    expect(mayUseDatabase([role({}, deny), all], server(), 'reader', 'metrics')).toBe(false)
  },
)

test('names count for postgres, and not where a protocol has none at connect', () => {
  const noNames = role({ dbLabels: { '*': ['*'] }, dbUsers: ['reader'] })
  expect(mayUseDatabase([noNames], server('postgres'), 'reader', 'x')).toBe(false)
  expect(mayUseDatabase([noNames], server('snowflake'), 'reader', 'x')).toBe(false)
  expect(mayUseDatabase([noNames], server('some-new-one'), 'reader', 'x')).toBe(false)
  for (const protocol of ['mysql', 'cockroachdb', 'redis', 'sqlserver'])
    expect(mayUseDatabase([noNames], server(protocol), 'reader', 'x')).toBe(true)
})

test('a user name is exact; only a star alone stands for all', () => {
  expect(mayUseDatabase([role({ dbLabels: { '*': ['*'] }, dbUsers: ['read*'], dbNames: ['*'] })], server(), 'reader', 'x')).toBe(false)
})

test('labels: every key, exact, with stars or as a regular expression', () => {
  const labels = { env: 'dev-1', team: 'a' }
  expect(matchesLabels({ env: ['dev-*'] }, labels)).toBe(true)
  expect(matchesLabels({ env: ['^dev-\\d$'] }, labels)).toBe(true)
  expect(matchesLabels({ env: ['^[$'] }, labels)).toBe(false)
  expect(matchesLabels({ env: ['dev.1'] }, labels)).toBe(false)
  expect(matchesLabels({ env: ['dev-1'], team: ['b', 'a'] }, labels)).toBe(true)
  expect(matchesLabels({ env: ['dev-1'], zone: ['*'] }, labels)).toBe(false)
  expect(matchesLabels({ '*': ['*'] }, {})).toBe(true)
  expect(matchesLabels({ toString: ['*'] }, {})).toBe(false)
})

test('lists show by labels alone, and hide what is denied by labels', () => {
  expect(mayListDatabase([dev], server())).toBe(true)
  expect(mayListDatabase([dev, role({}, { dbUsers: ['*'] })], server())).toBe(true)
  expect(mayListDatabase([dev, role({}, { dbLabels: { team: ['a'] } })], server())).toBe(false)
})

test('traits stand in for variables', () => {
  const { allow } = applyTraits(
    role({ logins: ['{{internal.logins}}', 'root', 'x-{{ external.team }}'], dbUsers: ['{{internal.none}}'] }),
    { logins: ['a', 'b'], team: ['t'] },
  )
  expect(allow.logins).toEqual(['a', 'b', 'root', 'x-t'])
  expect(allow.dbUsers).toEqual([])
})
