import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials } from '../../electron/engine/engine.ts'

export const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/bin/haproxy'].find(path => existsSync(path))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The same hop by haproxy: plain in, TLS out, with client certificate, SNI, ALPN and the web root verified; one thread, as the tunnel has. */
export async function startHaproxy(
  program: string,
  upstream: { port: number; webRoot: string; database: Credentials; alpn: string },
): Promise<{ port: number; child: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-bench-'))
  const port = await freePort()
  writeFileSync(join(folder, 'client.pem'), upstream.database.cert + upstream.database.key, { mode: 0o600 })
  writeFileSync(join(folder, 'roots.pem'), upstream.webRoot)
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:${port}
  server far 127.0.0.1:${upstream.port} ssl crt ${folder}/client.pem ca-file ${folder}/roots.pem verify required verifyhost proxy.test sni str(proxy.test) alpn ${upstream.alpn}
`,
  )
  const child = spawn(program, ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: ['ignore', 'ignore', 'inherit'] })
  child.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (let tries = 0; tries < 100; tries++) {
    const probe = connect(port, '127.0.0.1')
    const there = await Promise.race([once(probe, 'connect').then(() => true), once(probe, 'error').then(() => false)]).catch(() => false)
    probe.destroy()
    if (there) return { port, child }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('haproxy did not start')
}
