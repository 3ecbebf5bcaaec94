import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './postgres-under-test.ts'

export const HAPROXY = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/bin/haproxy'].find(path => existsSync(path))

export interface Haproxy {
  readonly port: number
  close(): Promise<void>
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

/** In front of the routers as an operator has it: TCP, one after the other, checked; a connection that one refuses goes to the next. */
export async function openHaproxy(port: number, routers: readonly number[]): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
listen routers
  bind 127.0.0.1:${port}
  balance roundrobin
  default-server check inter 200ms fall 2 rise 1
${routers.map((router, at) => `  server router${at + 1} 127.0.0.1:${router}`).join('\n')}
`,
  )
  const child = spawn(HAPROXY!, ['-db', '-f', file], { stdio: 'ignore' })
  await eventually(() => answers(port))
  return {
    port,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
