import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openContext, openHome, type Home } from '../../electron/app/context.ts'
import { NO_LOG } from '../../electron/log/log.ts'
import { databaseId } from '../../shared/ids.ts'
import { end } from './children.ts'

export const TUNNELS = 50

/** A home of somebody who is signed in to a lab and had 50 tunnels open when the engine last ended. */
export interface AppHome {
  readonly home: Home
  readonly env: NodeJS.ProcessEnv
  /** `portico ARGS…`, as people run it. */
  command(args: readonly string[]): { readonly exec: string; readonly args: readonly string[] }
  /** Of the tunnel that leads to a database that is there. */
  readonly ordersPort: number
  close(): Promise<void>
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

/** @param root the checkout, built */
export async function openAppHome(root: string): Promise<AppHome> {
  const folder = mkdtempSync(join(tmpdir(), 'pb-'))
  const own = Object.entries(process.env).filter(([name]) => !/^(PORTICO_|TELEPORT_|ELECTRON_|NODE_)/.test(name))
  const env = {
    ...Object.fromEntries(own),
    PORTICO_HOME: join(folder, 'home'),
    PORTICO_KEYRING: 'off',
    TELEPORT_HOME: join(folder, 'no-tsh'),
    XDG_RUNTIME_DIR: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    DBUS_SESSION_BUS_ADDRESS: '',
  }
  const command = (args: readonly string[]): { exec: string; args: string[] } => ({
    exec: process.execPath,
    args: [join(root, 'out/cli/portico.mjs'), ...args],
  })
  const labCommand = command(['lab', '--json', '--listen', '127.0.0.1:0', '--home', join(folder, 'lab')])
  const lab: ChildProcess = spawn(labCommand.exec, labCommand.args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const close = async (): Promise<void> => {
    await end(lab)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [line] = (await once(createInterface({ input: lab.stdout! }), 'line')) as [string]
    const ready = JSON.parse(line) as { proxy: string; caFile: string; user: string; password: string; cluster: string }
    const login = command(['login', '--proxy', ready.proxy, '--user', ready.user, '--ca-file', ready.caFile])
    const done = spawnSync(login.exec, login.args, { env: { ...env, PORTICO_PASSWORD: ready.password }, encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`sign-in failed: ${done.stderr}`)

    const home = openHome(env, process.platform)
    const context = await openContext({ log: NO_LOG, env, home })
    const { proxy } = context.profiles.current()!
    const ports = await freePorts(TUNNELS)
    const { cluster } = ready
    const common = { proxy, cluster, dbProtocol: 'postgres', mode: 'authenticated', databaseUser: 'alice', databaseName: 'shop' } as const
    await context.profiles.keepTunnels(
      ports.map((port, at) => {
        const name = at === 0 ? 'orders' : `orders-${at}`
        return { ...common, port, name, resource: databaseId(cluster, name) }
      }),
    )
    context.close()
    return { home, env, command, ordersPort: ports[0]!, close }
  } catch (thrown) {
    await close()
    throw thrown
  }
}
