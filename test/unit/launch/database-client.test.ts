import { expect, it } from 'vitest'
import { clientCommand, clientUrl, jdbcUrl, postgresEnvironment } from '../../../electron/launch/database-client.ts'

const target = { dbProtocol: 'postgres', address: { host: 'localhost', port: 24017 }, databaseUser: 'alice', databaseName: 'shop' }
const tls = { ca: '/h/ca.pem', cert: '/h/a b/cert.pem', key: '/h/key.pem' }

it('gives psql the same URL as tsh does for a tunnel', () => {
  // Teleport 13: fixtures tsh-output/proxy-db-pg-tunnel.out
  expect(clientCommand({ ...target, address: { host: 'localhost', port: 23410 }, databaseName: 'app' })).toMatchObject({
    program: 'psql',
    args: ['postgres://alice@localhost:23410/app'],
  })
})

it('encodes names so that each reaches the database as one value', () => {
  expect(clientUrl({ ...target, databaseUser: `o'b/@:?`, databaseName: 'a?b=c&d' })).toBe(
    `postgres://o'b%2F%40%3A%3F@localhost:24017/a%3Fb%3Dc%26d`,
  )
  expect(jdbcUrl({ ...target, databaseUser: 'a&b' })).toBe('jdbc:postgresql://localhost:24017/shop?user=a%26b')
})

it('names certificate files when the client itself brings them', () => {
  expect(clientUrl({ ...target, tls })).toBe(
    'postgres://alice@localhost:24017/shop?sslrootcert=%2Fh%2Fca.pem&sslcert=%2Fh%2Fa%20b%2Fcert.pem&sslkey=%2Fh%2Fkey.pem&sslmode=verify-full&gssencmode=disable',
  )
})

it('sets the variables that tsh sets', () => {
  // Teleport 13: fixtures tsh-output/db-env-pg.out
  expect(postgresEnvironment({ ...target, tls })).toEqual({
    PGHOST: 'localhost',
    PGPORT: '24017',
    PGUSER: 'alice',
    PGDATABASE: 'shop',
    PGGSSENCMODE: 'disable',
    PGSSLMODE: 'verify-full',
    PGSSLROOTCERT: tls.ca,
    PGSSLCERT: tls.cert,
    PGSSLKEY: tls.key,
  })
})

it('knows no client for a protocol it does not know', () => {
  expect(clientCommand({ ...target, dbProtocol: 'constructor' })).toBeUndefined()
  expect(clientUrl({ ...target, dbProtocol: 'toString' })).toBeNull()
})
