import { describe, expect, it } from 'vitest'
import { chooseUser, defaultDatabase, defaultUser, type Known } from '../../../electron/app/default-values.ts'
import { PorticoError } from '../../../shared/errors.ts'

const known = (more: Partial<Known>): Known => ({
  dbProtocol: 'postgres',
  labels: {},
  user: 'alice',
  allowedUsers: ['*'],
  allowedNames: ['*'],
  ...more,
})

describe('the database user without a choice', () => {
  it('is the last used', () => expect(defaultUser(known({ lastUser: 'reader' }))).toBe('reader'))
  it('is not the last used when the roles do not allow it', () =>
    expect(defaultUser(known({ lastUser: 'root', allowedUsers: ['alice', 'reader'] }))).toBe('alice'))
  it("is the Teleport user's name when the roles allow any", () => expect(defaultUser(known({}))).toBe('alice'))
  it("is the Teleport user's name when the roles list it", () =>
    expect(defaultUser(known({ allowedUsers: ['bob', 'alice'] }))).toBe('alice'))
  it('is the only allowed one', () => expect(defaultUser(known({ allowedUsers: ['reader'] }))).toBe('reader'))
  it('must be chosen when several are allowed', () => {
    try {
      chooseUser(undefined, known({ allowedUsers: ['reader', 'writer'] }))
      expect.unreachable()
    } catch (thrown) {
      expect(PorticoError.from(thrown)).toMatchObject({ code: 'usage/choose', facts: { choices: ['reader', 'writer'] } })
    }
  })
  it('is what was asked for, allowed or not: the cluster decides', () =>
    expect(chooseUser('root', known({ allowedUsers: ['reader'] }))).toBe('root'))
})

describe('the logical database without a choice', () => {
  it('is the last used', () => expect(defaultDatabase(known({ lastName: 'x', allowedNames: ['shop'] }))).toBe('x'))
  it('is the only name the roles list', () =>
    expect(defaultDatabase(known({ allowedNames: ['shop'], labels: { 'portico/database': 'y' } }))).toBe('shop'))
  it("is the resource's label", () => expect(defaultDatabase(known({ labels: { 'portico/database': 'shop' } }))).toBe('shop'))
  it("is the protocol's default, never the user's name", () => expect(defaultDatabase(known({}))).toBe('postgres'))
  it('is nothing where a protocol has no logical databases', () => expect(defaultDatabase(known({ dbProtocol: 'redis' }))).toBe(''))
})
