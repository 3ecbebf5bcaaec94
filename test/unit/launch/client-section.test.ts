import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { clientSection, readsSections } from '../../../electron/launch/client-section.ts'
import type { ClientTarget } from '../../../electron/launch/client-target.ts'

const tls = { ca: '/h/ca.pem', cert: '/h/cert.pem', key: '/h/key.pem', pair: '/h/pair.pem' }
const target: ClientTarget = {
  dbProtocol: 'postgres',
  address: { host: 'proxy.example', port: 443 },
  databaseUser: 'alice',
  databaseName: 'app',
  tls,
}
const place = { cluster: 'root.example', name: 'pg', program: 'mysql' }
const section = (to: ClientTarget, env: Record<string, string> = {}, platform: NodeJS.Platform = 'linux', program = 'mysql') =>
  clientSection(to, { ...place, program }, env, '/home/alice', platform)

describe('the section for libpq', () => {
  it('says what tsh writes', () => {
    // wire/database.md 10.4
    expect(section(target)).toEqual({
      path: join('/home/alice', '.pg_service.conf'),
      section: 'root.example-pg',
      lines: [
        'host=proxy.example',
        'port=443',
        'user=alice',
        'dbname=app',
        'sslmode=verify-full',
        'sslrootcert=/h/ca.pem',
        'sslcert=/h/cert.pem',
        'sslkey=/h/key.pem',
        'gssencmode=disable',
      ],
      use: ['psql', 'service=root.example-pg'],
      environment: { PGSERVICE: 'root.example-pg' },
    })
  })

  it('goes into the file that libpq reads', () => {
    expect(section(target, { PGSERVICEFILE: '/etc/mine.conf' })?.path).toBe('/etc/mine.conf')
    expect(section(target, { APPDATA: '/roaming' }, 'win32')?.path).toBe(join('/roaming', 'postgresql', '.pg_service.conf'))
  })

  it('refuses values that such a file cannot hold', () => {
    expect(() => section({ ...target, databaseName: 'a\nsslmode=disable' })).toThrow('usage/invalid')
    expect(() => section({ ...target, databaseUser: ' alice' })).toThrow('usage/invalid')
  })
})

describe('the section for MySQL clients', () => {
  const mysql: ClientTarget = { ...target, dbProtocol: 'mysql', address: { host: 'localhost', port: 24017 } }

  it('names what each flavour understands', () => {
    expect(section(mysql)).toMatchObject({
      path: join('/home/alice', '.my.cnf'),
      section: 'client_root.example-pg',
      lines: [
        'host=localhost',
        'port=24017',
        'protocol=TCP',
        'user=alice',
        'database=app',
        'ssl-mode=VERIFY_IDENTITY',
        'ssl-ca=/h/ca.pem',
        'ssl-cert=/h/cert.pem',
        'ssl-key=/h/key.pem',
      ],
      use: ['mysql', '--defaults-group-suffix=_root.example-pg'],
      environment: { MYSQL_GROUP_SUFFIX: '_root.example-pg' },
    })
    const { lines } = section(mysql, {}, 'linux', 'mariadb')!
    expect(lines).toContain('ssl-verify-server-cert=1')
    expect(lines.join()).not.toContain('ssl-mode')
  })

  it('doubles backslashes and quotes what would begin a comment', () => {
    const { lines } = section({ ...mysql, tls: { ...tls, key: 'C:\\keys\\k.pem' }, databaseUser: 'a#b"c' })!
    expect(lines).toContain('ssl-key=C:\\\\keys\\\\k.pem')
    expect(lines).toContain('user="a#b\\"c"')
  })
})

it('is none for clients that keep no such file', () => {
  for (const dbProtocol of ['redis', 'mongodb', 'sqlserver', 'postgres', 'cockroachdb', 'mysql'])
    expect(section({ ...target, dbProtocol }) !== undefined).toBe(readsSections(dbProtocol))
  expect(readsSections('redis')).toBe(false)
})
