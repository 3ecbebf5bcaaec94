import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

const program = (name: string): string | undefined =>
  ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'].map(folder => join(folder, name)).find(path => existsSync(path))

/** Where they are on this machine; undefined = nowhere. */
export const HAPROXY = program('haproxy')
export const NGINX = program('nginx')

export interface Balancer {
  readonly port: number
  /** Of the one process that does the work. */
  readonly pid: number
  /** Cuts every connection. */
  close(): Promise<void>
}

export interface BalancerOptions {
  /** Writes its configuration, for the port where it is to listen and the folder that holds the files. */
  readonly configure: (at: { readonly folder: string; readonly port: number }) => string
  /** By name; nobody else may read them. */
  readonly files?: Readonly<Record<string, string>>
}

/** A real haproxy, that says nothing but why it cannot start. */
export const startHaproxy = (options: BalancerOptions): Promise<Balancer> =>
  start('haproxy', HAPROXY, folder => ['-db', '-q', '-f', join(folder, 'balancer.cfg')], options)

/** A real nginx, of one process: the lines that see to that and to its log are added. */
export const startNginx = ({ configure, ...options }: BalancerOptions): Promise<Balancer> =>
  start('nginx', NGINX, folder => ['-p', folder, '-e', 'error.log', '-c', join(folder, 'balancer.cfg')], {
    ...options,
    configure: at => `${configure(at)}
daemon off;
master_process off;
pid ${at.folder}/pid;
error_log ${at.folder}/error.log;
`,
  })

async function start(
  name: string,
  path: string | undefined,
  args: (folder: string) => readonly string[],
  { configure, files = {} }: BalancerOptions,
): Promise<Balancer> {
  if (path === undefined) throw new Error(`${name} is not on this machine`)
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'portico-balancer-'))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { mode: 0o600 })
  writeFileSync(join(folder, 'balancer.cfg'), configure({ folder, port }))
  const child = spawn(path, args(folder), { stdio: ['ignore', 'ignore', 'inherit'] })
  const gone = once(child, 'exit').finally(() => rmSync(folder, { recursive: true, force: true }))
  const close = async (): Promise<void> => {
    child.kill()
    await gone
  }
  for (let tries = 0; tries < 100 && child.exitCode === null; tries++) {
    if (await answers(port)) return { port, pid: child.pid!, close }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  await close()
  throw new Error(`${name} did not start`)
}

const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const probe = connect(port, '127.0.0.1')
    const end = (there: boolean): void => {
      probe.destroy()
      resolve(there)
    }
    probe.once('connect', () => end(true)).once('error', () => end(false))
  })
