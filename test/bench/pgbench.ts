import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { LabForBench } from './lab-host.ts'

export const PGBENCH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'pgbench'))
  .find(path => existsSync(path))

export interface Pgbench {
  /** Transactions a second of `clients` clients that each select one row at a time; the time to connect is not counted. */
  run(way: 'tunnel' | 'direct', clients: number, transactions: number): Promise<number>
  close(): void
}

/** @param tunnelPort where the tunnel listens; the direct way is TLS with a client certificate, as the agent itself logs in */
export function openPgbench(program: string, lab: LabForBench, tunnelPort: number): Pgbench {
  const folder = mkdtempSync(join(tmpdir(), 'portico-pgbench-'))
  const [script, key, cert] = ['select.sql', 'key.pem', 'cert.pem'].map(name => join(folder, name)) as [string, string, string]
  writeFileSync(script, '\\set id random(1, 120000)\nSELECT * FROM orders WHERE id = :id;\n')
  writeFileSync(key, lab.direct.key, { mode: 0o600 })
  writeFileSync(cert, lab.direct.cert)
  const environment = {
    tunnel: { PGPORT: String(tunnelPort), PGSSLMODE: 'disable' },
    direct: { PGPORT: String(lab.direct.port), PGSSLMODE: 'require', PGSSLCERT: cert, PGSSLKEY: key },
  }
  return {
    run: async (way, clients, transactions) => {
      const env = {
        PATH: process.env['PATH'],
        HOME: folder,
        PGHOST: '127.0.0.1',
        PGUSER: 'reader',
        PGDATABASE: 'shop',
        LC_ALL: 'C',
        ...environment[way],
      }
      // Not -T: its clock runs while 500 clients still connect, one after the other.
      const args = [
        '-n',
        '-f',
        script,
        '-c',
        String(clients),
        '-j',
        String(Math.min(2, clients)),
        '-t',
        String(Math.ceil(transactions / clients)),
      ]
      const { stdout } = await promisify(execFile)(program, args, { env, timeout: 60_000 })
      return Number(/tps = ([\d.]+)/.exec(stdout)![1])
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
