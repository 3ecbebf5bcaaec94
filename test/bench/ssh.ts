import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, truncateSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NO_LOG } from '../../electron/log/log.ts'
import { openSshClient } from '../../electron/ssh/open-ssh-client.ts'
import { serveSsh } from '../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../electron/ssh/signer.ts'
import type { SshConnection } from '../../electron/ssh/ssh-connection.ts'
import { sshString } from '../../electron/wire/ssh-bytes.ts'
import { listen, LOCAL_USER, openSshFolder, SSH, SSHD, startSshd, type Sshd } from '../kit/openssh.ts'
import { keyOf } from '../kit/ssh-pair.ts'

/** Our client and OpenSSH's against the same sshd, in turns; then the memory of connections that do nothing. */

const CIPHER = 'aes128-gcm@openssh.com'
const BYTES = 256 * 1024 * 1024
const ROUNDS = 9
const IDLE = 300
const CHUNK = Buffer.alloc(64 * 1024)

interface Way {
  down(): Promise<void>
  up(): Promise<void>
}

async function ourWay(sshd: Sshd, signer: ReturnType<typeof keySigner>): Promise<Way> {
  const session = async (command: string, use: (channel: Awaited<ReturnType<SshConnection['open']>>) => Promise<void>): Promise<void> => {
    const connection = await openSshClient(await sshd.connect(), {
      verifyHost: () => {},
      user: LOCAL_USER,
      identities: [signer],
      algorithms: { ciphers: [CIPHER] },
      log: NO_LOG,
    })
    const channel = await connection.open('session')
    await channel.request('exec', sshString(command))
    await use(channel)
    await channel.exited
    await connection.close()
  }
  return {
    down: () =>
      session(`head -c ${BYTES} /dev/zero`, async channel => {
        let got = 0
        channel.on('data', (part: Buffer) => (got += part.length))
        channel.end()
        await once(channel, 'end')
        if (got !== BYTES) throw new Error(`${got} bytes came`)
      }),
    up: () =>
      session('cat >/dev/null', async channel => {
        channel.resume()
        for (let left = BYTES; left > 0; left -= CHUNK.length) if (!channel.write(CHUNK)) await once(channel, 'drain')
        channel.end()
        await once(channel, 'end')
      }),
  }
}

function opensshWay(sshd: Sshd, keyFile: string, bulk: string): Way {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'IdentityAgent=none',
    'IdentitiesOnly=yes',
    'Compression=no',
  ]
  const args = [
    '-F',
    'none',
    '-i',
    keyFile,
    '-c',
    CIPHER,
    ...options.flatMap(option => ['-o', option]),
    '-p',
    String(sshd.port),
    `${LOCAL_USER}@127.0.0.1`,
  ]
  const go = async (command: string, stdin: number | 'ignore'): Promise<void> => {
    const child = spawn(SSH!, [...args, command], { stdio: [stdin, 'ignore', 'inherit'] })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`ssh ended with ${code}`)
  }
  return {
    down: () => go(`head -c ${BYTES} /dev/zero`, 'ignore'),
    up: async () => {
      const file = openSync(bulk, 'r')
      await go('cat >/dev/null', file)
      closeSync(file)
    },
  }
}

/** Whatever else the machine does can only slow a round, and it slows the one with more threads less: the best rounds compare programs. */
const best = (values: readonly number[]): number => Math.max(...values)

async function throughput(report: Report): Promise<void> {
  const folder = openSshFolder()
  const keyFile = folder.writeKeys('user', keyOf('ed25519', 'user'))
  const hostFile = folder.writeKeys('host', keyOf('ed25519', 'host'))
  const bulk = folder.write('bulk', '')
  truncateSync(bulk, BYTES)
  const sshd = await startSshd([`HostKey=${hostFile}`, `AuthorizedKeysFile=${join(folder.path, 'user.pub')}`])
  const ways = [opensshWay(sshd, keyFile, bulk), await ourWay(sshd, keySigner(keyOf('ed25519', 'user').privateKey))] as const
  for (const direction of ['down', 'up'] as const) {
    const rates: [number[], number[]] = [[], []]
    // Round -1 warms up; who goes first changes.
    for (let round = -1; round < ROUNDS; round++) {
      for (const at of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const started = performance.now()
        await ways[at][direction]()
        if (round >= 0) rates[at].push(BYTES / 1e3 / (performance.now() - started))
      }
    }
    const [theirs, ours] = [best(rates[0]), best(rates[1])]
    report(`ssh throughput ${direction}, OpenSSH`, theirs, 'MB/s')
    report(`ssh throughput ${direction}, ours`, ours, 'MB/s')
    report(`ssh throughput ${direction}, ours ÷ OpenSSH`, ours / theirs, '×', 0.8, 'at least')
  }
  await sshd.close()
  folder.remove()
}

const rss = async (): Promise<number> => {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.()
    await sleep(50)
  }
  return process.memoryUsage.rss()
}

/** Child process: one side of many connections with one channel each. Tells what one of them costs. */
async function idle(side: string, port: number): Promise<void> {
  const kept: SshConnection<unknown>[] = []
  if (side === 'server') {
    const served = await listen(socket => {
      void serveSsh(socket, {
        hostKeys: [keySigner(keyOf('ed25519', 'host').privateKey)],
        authorize: () => true,
        onChannel: ({ accept }) => void accept(),
        log: NO_LOG,
      }).then(connection => kept.push(connection))
    })
    process.send!(served.port)
  }
  let before = 0
  process.on('message', async (asked: string) => {
    if (asked === 'measure') before = await rss()
    else if (asked === 'tell') process.send!((await rss()) - before)
    else {
      for (let left = Number(asked); left > 0; left--) {
        const socket = connect({ port, host: '127.0.0.1' })
        await once(socket, 'connect')
        const connection = await openSshClient(socket, {
          verifyHost: () => {},
          user: 'x',
          identities: [keySigner(keyOf('ed25519', 'user').privateKey)],
          log: NO_LOG,
        })
        await connection.open('idle')
        kept.push(connection)
      }
      process.send!(0)
    }
  })
  process.on('disconnect', () => process.exit(0))
}

async function memory(report: Report): Promise<void> {
  const self = fileURLToPath(import.meta.url)
  const start = (...args: string[]) => fork(self, args, { execArgv: ['--expose-gc'] })
  const server = start('idle', 'server')
  const [port] = await once(server, 'message')
  const client = start('idle', 'client', String(port))
  const ask = async (child: typeof client, what: string): Promise<number> => {
    child.send(what)
    return (await once(child, 'message'))[0] as number
  }
  // Warm: code is compiled and heaps have grown before anything is counted.
  await ask(client, '100')
  for (const child of [server, client]) child.send('measure')
  await sleep(500)
  await ask(client, String(IDLE))
  report('idle ssh connection with a channel, client', (await ask(client, 'tell')) / IDLE / 1024, 'KiB RSS', 80, 'at most')
  report('idle ssh connection with a channel, server', (await ask(server, 'tell')) / IDLE / 1024, 'KiB RSS', 80, 'at most')
  for (const child of [client, server]) child.disconnect()
}

type Report = (name: string, value: number, unit: string, goal?: number, sense?: 'at most' | 'at least') => void

if (process.argv[2] === 'idle') await idle(process.argv[3]!, Number(process.argv[4]))
else {
  let missed = 0
  const json = process.argv.includes('--json')
  const report: Report = (name, value, unit, goal, sense = 'at most') => {
    const ok = goal === undefined || (sense === 'at most' ? value <= goal : value >= goal)
    if (!ok) missed++
    const result = { name, value: Number(value.toPrecision(4)), unit, goal: goal === undefined ? '' : `${sense} ${goal}`, ok }
    if (json) console.log(JSON.stringify(result))
    else console.log(`${ok ? '  ' : '! '}${name}: ${result.value} ${unit}${result.goal === '' ? '' : `  (goal: ${result.goal})`}`)
  }
  await memory(report)
  if (SSH === undefined || SSHD === undefined)
    console.error('skipped: ssh throughput: OpenSSH is needed (Debian: apt install openssh-server openssh-client)')
  else await throughput(report)
  process.exitCode = missed === 0 ? 0 : 1
}
