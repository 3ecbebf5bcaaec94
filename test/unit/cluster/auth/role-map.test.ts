import { expect, test } from 'vitest'
import { mapRoles, remoteUser } from '../../../../electron/cluster/auth/role-map.ts'

test.each([
  ['by name', [{ remote: 'owner', local: ['visitor'] }], ['owner', 'other'], ['visitor']],
  [
    'each once',
    [
      { remote: 'a', local: ['x'] },
      { remote: 'b', local: ['x', 'y'] },
    ],
    ['a', 'b'],
    ['x', 'y'],
  ],
  ['by part', [{ remote: 'team-*', local: ['$1-here'] }], ['team-sales'], ['sales-here']],
  ['by expression', [{ remote: '^(dev|ops)$', local: ['remote-${1}'] }], ['ops'], ['remote-ops']],
  [
    'with dots as dots',
    [
      { remote: 'a.b', local: ['x'] },
      { remote: 'a*', local: ['y'] },
    ],
    ['axb'],
    ['y'],
  ],
])('roles are mapped %s', (_how, map, roles, expected) => {
  expect(mapRoles(map, roles, 'root')).toEqual(expected)
})

test.each([
  ['nothing fits', [{ remote: 'owner', local: ['visitor'] }], ['developer']],
  ['a pattern is broken', [{ remote: '^($', local: ['visitor'] }], ['owner']],
  ['the cluster is not trusted', undefined, ['owner']],
  ['the user has no roles', [{ remote: '*', local: ['visitor'] }], []],
])('nobody gets in when %s', (_why, map, roles) => {
  expect(() => mapRoles(map, roles, 'root')).toThrow(expect.objectContaining({ code: 'access/denied' }))
})

test('a remote user is named as in v13', () => {
  expect(remoteUser('alice', 'root.example')).toBe('remote-alice-root.example')
})
