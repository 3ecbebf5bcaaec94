import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import mysql from 'mysql2/promise'
import { afterAll, describe, expect, it } from 'vitest'
import { findProgram } from '../../../electron/cluster/lab/find-program.ts'
import { partsHere } from '../../../electron/cluster/lab/lab-parts.ts'
import { mariadb } from '../../../electron/cluster/lab/mariadb-server.ts'
import { redis } from '../../../electron/cluster/lab/redis-server.ts'
import { resetLab, startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { commonNameOnly, createCsr, newKeyPair, privateKeyPem } from '../../../electron/wire/x509.ts'

const home = join(mkdtempSync(join(tmpdir(), 'portico lab parts é ')), 'lab')
const open: Lab[] = []
afterAll(async () => {
  for (const lab of open) await lab.close(0)
  await resetLab(home)
  rmSync(join(home, '..'), { recursive: true, force: true })
}, 30_000)

async function start(more: Partial<Parameters<typeof startLab>[0]> = {}): Promise<Lab> {
  const lab = await startLab({ home, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG, ...more })
  open.push(lab)
  return lab
}

/** What the agent has of an account: its certificate, and the address of the server itself. */
async function direct(lab: Lab, name: string, account: string): Promise<{ port: number; key: string; cert: string; ca: string[] }> {
  const { auth } = lab.running
  const keys = await newKeyPair('ecdsa-p256')
  const { cert, caCerts } = await auth.generateDatabaseCert(createCsr(commonNameOnly(account), keys), 3_600_000)
  const server = (await auth.databaseServers()).find(found => found.name === name)!
  return { port: Number(server.uri.split(':')[1]), key: privateKeyPem(keys.privateKey), cert, ca: [...caCerts] }
}

it('a system without these servers has a lab as it always was', async () => {
  expect(partsHere('')).toEqual(partsHere('').filter(({ programs }) => programs.every(program => program?.includes('/sbin/') === true)))
  const lab = await start({ parts: [] })
  expect(lab.databases).toEqual(['archive', 'metrics', 'orders'])
  await lab.close(0)
}, 90_000)

describe.skipIf(findProgram('mariadbd') === undefined)('MariaDB', () => {
  const ask = async (lab: Lab, user: string, certificate: string, sql: string): Promise<unknown> => {
    const { port, ...tls } = await direct(lab, 'shopfront', certificate)
    const one = await mysql.createConnection({
      host: '127.0.0.1',
      port,
      user,
      ssl: { ...tls, rejectUnauthorized: true },
      multipleStatements: true,
    })
    try {
      return (await one.query({ sql, rowsAsArray: true }))[0]
    } finally {
      await one.end()
    }
  }

  it('is seeded, lets its two accounts in by their own certificates, and nobody else', async () => {
    const lab = await start({ parts: [mariadb()] })
    expect(lab.databases).toEqual(['archive', 'metrics', 'orders', 'shopfront'])
    expect(await ask(lab, 'reader', 'reader', 'select count(*) from shopfront.products')).toEqual([[200]])
    await ask(lab, 'alice', 'alice', 'create table shopfront.kept as select 1 as one')
    await expect(ask(lab, 'reader', 'reader', 'delete from shopfront.products')).rejects.toThrow('denied')
    for (const [user, certificate] of [
      ['alice', 'reader'],
      ['root', 'root'],
      ['root', 'alice'],
      ['mariadb.sys', 'alice'],
    ])
      await expect(ask(lab, user!, certificate!, 'select 1')).rejects.toThrow('Access denied')
    const { port } = await direct(lab, 'shopfront', 'alice')
    await expect(mysql.createConnection({ host: '127.0.0.1', port, user: 'alice' })).rejects.toThrow(/Access denied|insecure transport/)
    expect(await ask(lab, 'alice', 'alice', 'show grants')).not.toEqual(
      expect.arrayContaining([[expect.stringContaining('ON *.* TO `alice`@`127.0.0.1` WITH')]]),
    )
    await lab.close(0)
  }, 90_000)

  it('keeps its data, and ends with the lab', async () => {
    const lab = await start({ parts: [mariadb()] })
    expect(await ask(lab, 'alice', 'alice', 'select one from shopfront.kept')).toEqual([[1]])
    const { port } = await direct(lab, 'shopfront', 'alice')
    await lab.close(0)
    await expect(mysql.createConnection({ host: '127.0.0.1', port, user: 'alice' })).rejects.toThrow('ECONNREFUSED')
  }, 30_000)

  it('that does not start is told about, and the lab goes on without it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portico-broken-'))
    for (const name of ['mariadbd', 'mariadb-install-db']) {
      writeFileSync(join(folder, name), '#!/bin/sh\necho ERROR: no room >&2\nexit 1\n')
      chmodSync(join(folder, name), 0o755)
    }
    chmodSync(folder, 0o755)
    const steps: string[] = []
    const broken = { ...mariadb(folder), name: 'broken' }
    const lab = await start({ parts: [broken], onProgress: step => steps.push(step) })
    expect(steps).toContain('MariaDB does not start; the lab goes on without it (mariadb-install-db: ERROR: no room)')
    await lab.close(0)
    rmSync(folder, { recursive: true, force: true })
  }, 30_000)
})

describe.skipIf(findProgram('redis-server') === undefined)('Redis', () => {
  const client = async (lab: Lab, username?: string): Promise<Redis> => {
    const { port, ...tls } = await direct(lab, 'sessions', 'alice')
    const one = new Redis({
      host: '127.0.0.1',
      port,
      username: username ?? '',
      password: username === undefined ? '' : 'x',
      tls,
      lazyConnect: true,
      retryStrategy: () => null,
    })
    one.on('error', () => {})
    await one.connect().catch(() => {})
    return one
  }

  it('is seeded, keeps its data, has no default user, and lets nobody change the server', async () => {
    const lab = await start({ parts: [redis()] })
    const alice = await client(lab, 'alice')
    expect(await alice.zrange('products:viewed', '0', '-1')).toHaveLength(5)
    await alice.set('kept', 'é')
    for (const command of [['CONFIG', 'GET', 'dir'], ['ACL', 'LIST'], ['SHUTDOWN'], ['MODULE', 'LIST'], ['REPLICAOF', 'no', 'one']])
      await expect(alice.call(command[0]!, ...command.slice(1))).rejects.toThrow('NOPERM')
    alice.disconnect()
    const nobody = await client(lab)
    await expect(nobody.get('kept')).rejects.toThrow()
    nobody.disconnect()
    await lab.close(0)
    const again = await start({ parts: [redis()] })
    const reader = await client(again, 'reader')
    expect(await reader.get('kept')).toBe('é')
    reader.disconnect()
    await again.close(0)
  }, 60_000)
})
