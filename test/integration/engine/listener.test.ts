import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openListener, type Listener } from '../../../electron/engine/listener.ts'
import { findPortHolder } from '../../../electron/engine/port-holder.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'

expectNoLeaks()

const HOSTS = ['127.0.0.1', '::1']
const open: { close(): unknown }[] = []
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico é '))
})
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  rmSync(folder, { recursive: true, force: true })
})

const listen = async (
  more: { port?: number; socket?: string | null; hosts?: string[] },
  accept = (local: Socket): void => void local.end('hello').resume(),
): Promise<Listener> => {
  const listener = await openListener({ hosts: HOSTS, port: 0, socket: null, ...more }, accept, () => {})
  open.push(listener)
  return listener
}
const foreign = async (where: object): Promise<Server> => {
  const server = createServer().listen(where)
  await once(server, 'listening')
  open.push({ close: () => new Promise(resolve => server.close(resolve)) })
  return server
}
const greeting = async (where: { port: number; host: string } | { path: string }): Promise<string> => {
  const socket = connect(where)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

describe('a listener', () => {
  it('binds the same port on every loopback address that the machine has', async () => {
    const { port, addresses } = await listen({})
    expect(addresses[0]).toBe(`127.0.0.1:${port}`)
    for (const address of addresses) expect(await greeting({ port, host: address.startsWith('[') ? '::1' : '127.0.0.1' })).toBe('hello')
  })

  it('skips an address that the machine lacks, and says so when it has none', async () => {
    const { addresses } = await listen({ hosts: ['127.0.0.1', '192.0.2.1'] })
    expect(addresses).toHaveLength(1)
    await expect(listen({ hosts: ['192.0.2.1'] })).rejects.toMatchObject({ code: 'tunnel/address' })
  })

  it('names the process that holds its port, and binds nothing then', async () => {
    const child = spawn(
      process.execPath,
      [
        '-e',
        "const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port)); process.stdin.resume().on('end', () => process.exit())",
      ],
      { env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } },
    )
    const port = Number(String((await once(child.stdout, 'data'))[0]))
    try {
      const failure = await listen({ port }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'tunnel/port-in-use', facts: { port } })
      if (process.platform === 'linux') expect(failure).toMatchObject({ facts: { pid: child.pid, program: expect.any(String) } })
      await foreign({ host: '127.0.0.2', port })
    } finally {
      child.stdin.end()
      child.stdout.resume()
      child.stderr.resume()
      await once(child, 'close')
    }
    expect((await listen({ port })).port).toBe(port)
  })

  it('gives up the first address when the second is taken', async () => {
    const six = await foreign({ host: '::1', port: 0 }).catch(() => undefined)
    if (six === undefined) return
    const { port } = six.address() as AddressInfo
    await expect(listen({ port })).rejects.toMatchObject({ code: 'tunnel/port-in-use', facts: { port } })
    await foreign({ host: '127.0.0.1', port })
  })

  it('does not end with a client that resets at once', async () => {
    const { port } = await listen({}, local => void local.resume().once('end', () => local.end()))
    for (let n = 0; n < 20; n++) {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      socket.resetAndDestroy()
    }
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(await findPortHolder(1)).toBeUndefined()
  })

  it('frees its port at once although connections are open', async () => {
    const listener = await listen({}, local => void local.resume().once('end', () => local.end()))
    const socket = connect(listener.port, '127.0.0.1')
    await once(socket, 'connect')
    await listener.close()
    await listen({ port: listener.port })
    socket.destroy()
  })
})

describe.skipIf(process.platform === 'win32')('a listener on a unix socket', () => {
  it('is for its owner only, and removes its file', async () => {
    const path = join(folder, '.s.PGSQL.5432')
    const listener = await listen({ socket: path })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['.s.PGSQL.5432'])
    expect(await greeting({ path })).toBe('hello')
    await listener.close()
    expect(existsSync(path)).toBe(false)
  })

  it('takes the place of a dead owner, not of a live one, and never of another file', async () => {
    const path = join(folder, 's.sock')
    const child = spawn(
      process.execPath,
      ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`],
      { stdio: 'ignore', env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' } },
    )
    await once(child, 'exit')
    expect(existsSync(path)).toBe(true)
    await listen({ socket: path })
    expect(await greeting({ path })).toBe('hello')
    await expect(listen({ socket: path })).rejects.toMatchObject({ code: 'tunnel/port-in-use' })
    expect(await greeting({ path })).toBe('hello')
    const file = join(folder, 'notes.txt')
    writeFileSync(file, 'mine')
    await expect(listen({ socket: file })).rejects.toMatchObject({ code: 'tunnel/address' })
    expect(readdirSync(folder).sort()).toEqual(['notes.txt', 's.sock'])
  })

  it('refuses a path that is too long or has no folder, and binds no port then', async () => {
    for (const socket of [join(folder, 'x'.repeat(100)), join(folder, 'nowhere', 's')]) {
      await expect(listen({ socket })).rejects.toMatchObject({ code: 'tunnel/address' })
    }
  })

  it.skipIf(process.getuid?.() === 0)('says so when the folder cannot be written', async () => {
    chmodSync(folder, 0o500)
    await expect(listen({ socket: join(folder, 's') })).rejects.toMatchObject({ code: 'tunnel/address', facts: { why: 'EACCES' } })
    chmodSync(folder, 0o700)
  })
})
