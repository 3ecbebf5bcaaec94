import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from '@playwright/test'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const exec = promisify(execFile)
const DIST = fileURLToPath(new URL('../../electron/build/dist.mjs', import.meta.url))
/** Installs and purges a package of the system: only where the machine is ours to change. */
const mayInstall =
  process.env['CI'] === 'true' && process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('dpkg', ['--version']).status === 0
const hasPsql = spawnSync('psql', ['--version']).status === 0

describe.skipIf(!mayInstall)('the deb package (needs CI=true, root and Debian)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-deb-test-'))
  /** No Node of this project in reach. */
  const env = { PATH: '/usr/bin:/bin', HOME: folder, PORTICO_HOME: join(folder, 'home'), PORTICO_KEYRING: 'off' }
  const started: ChildProcess[] = []
  let name: string

  function portico(...args: readonly string[]): ChildProcess {
    const child = spawn('/usr/bin/portico', args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
    started.push(child)
    return child
  }
  async function firstLine(child: ChildProcess): Promise<any> {
    for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line)
    throw new Error('it said nothing')
  }
  const ended = (child: ChildProcess): Promise<number | null> =>
    new Promise(resolve => (child.exitCode === null ? child.once('exit', code => resolve(code)) : resolve(child.exitCode)))

  beforeAll(async () => {
    await exec(process.execPath, [DIST, '--linux', 'deb', `-c.directories.output=${folder}`], { maxBuffer: 16 * 1024 * 1024 })
    const deb = join(
      folder,
      readdirSync(folder).find(file => file.endsWith('.deb'))!,
    )
    name = (await exec('dpkg-deb', ['-f', deb, 'Package'])).stdout.trim()
    await exec('apt-get', ['install', '-y', '--no-install-recommends', deb], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  }, 240_000)

  afterAll(async () => {
    for (const child of started) child.kill()
    await exec('dpkg', ['--purge', name]).catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  it('says in name and version when it holds the stand-in runtime', async () => {
    const { version, electron } = JSON.parse((await exec('/usr/bin/portico', ['version', '--json'], { env })).stdout)
    expect(electron).toMatch(/^\d+\./)
    expect(name.endsWith('-standin')).toBe(version.includes('standin'))
  })

  it('puts the command on PATH, which needs no Node', async () => {
    const { stdout } = await exec('/usr/bin/portico', ['--help'], { env })
    expect(stdout).toContain('portico')
  })

  it('carries the lab, and tunnels to it', { timeout: 90_000 }, async () => {
    const lab = portico('lab', '--listen', '127.0.0.1:0', '--json')
    const ready = await firstLine(lab)
    expect(ready.databases).toContain('orders')
    const login = portico('login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin', '--json')
    login.stdin!.end(`${ready.password}\n`)
    expect(await ended(login)).toBe(0)
    const tunnel = portico('proxy', 'db', 'orders', '-p', '0', '--json')
    const open = await firstLine(tunnel)
    expect(open).toMatchObject({ event: 'open', name: 'orders' })
    if (hasPsql) expect((await exec('psql', [open.url, '-Atc', 'select current_user'], { env })).stdout.trim()).toBe('alice')
    for (const child of [tunnel, lab]) {
      child.kill('SIGTERM')
      expect(await ended(child)).toBe(0)
    }
  })

  it('opens its window', { timeout: 60_000 }, async () => {
    const home = join(folder, 'window')
    const app = spawn('/usr/bin/portico-app', ['--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'], {
      env: { ...process.env, ...env, PORTICO_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    started.push(app)
    let address: string | undefined
    for await (const line of createInterface({ input: app.stderr })) {
      address = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
      if (address !== undefined) break
    }
    app.stderr.resume()
    const browser = await chromium.connectOverCDP(address!)
    const [context] = browser.contexts()
    const page = context!.pages()[0] ?? (await context!.waitForEvent('page'))
    await page.getByRole('button', { name: /lab/i }).first().waitFor()
    expect(await page.title()).toContain('Portico')
    await browser.close()
    app.kill('SIGTERM')
    expect(await ended(app)).toBe(0)
  })

  it('knows addresses that begin with portico:', () => {
    expect(readFileSync('/usr/share/applications/portico-app.desktop', 'utf8')).toMatch(/^MimeType=.*x-scheme-handler\/portico;/m)
  })

  it('is gone after a purge, and leaves the home alone', { timeout: 60_000 }, async () => {
    await exec('dpkg', ['--purge', name])
    const left = ['/opt/Portico', '/usr/bin/portico', '/usr/bin/portico-app', '/usr/share/applications/portico-app.desktop']
    expect(left.filter(path => existsSync(path))).toEqual([])
    expect(existsSync(env.PORTICO_HOME)).toBe(true)
  })
})
