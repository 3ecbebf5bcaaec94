import { spawn, execFileSync } from 'node:child_process'
import { randomInt, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { encodeSshKey, formatSshKey, sshKeyFields, sshKeyType } from '../../electron/wire/ssh-keys.ts'
import { sshString, sshUint32 } from '../../electron/wire/ssh-bytes.ts'
import type { Keys } from './ssh-pair.ts'

/** sshd lets nobody in whose account has no shell. */
const HAS_SHELL = !/(nologin|false)$/.test(userInfo().shell ?? '')
/** OpenSSH's programs, where a machine has them. sshd wants to be called by its full path. */
export const SSHD = HAS_SHELL ? ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(path => existsSync(path)) : undefined
export const SSH = ['/usr/bin/ssh', '/usr/local/bin/ssh'].find(path => existsSync(path))
export const SFTP_SERVER = ['/usr/lib/openssh/sftp-server', '/usr/libexec/sftp-server', '/usr/libexec/openssh/sftp-server'].find(path =>
  existsSync(path),
)
export const LOCAL_USER = userInfo().username

/** The form that every OpenSSH reads, Ed25519 included. OpenSSH: PROTOCOL.key */
function formatPrivateKey({ privateKey, publicKey }: Keys): string {
  if (sshKeyType(publicKey) !== 'ssh-ed25519') return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const check = sshUint32(randomInt(2 ** 32))
  const jwk = privateKey.export({ format: 'jwk' })
  const secret = Buffer.concat([Buffer.from(jwk.d!, 'base64url'), Buffer.from(jwk.x!, 'base64url')])
  let body = Buffer.concat([check, check, sshString('ssh-ed25519'), sshKeyFields(publicKey), sshString(secret), sshString('')])
  for (let pad = 1; body.length % 8 !== 0; pad++) body = Buffer.concat([body, Buffer.from([pad])])
  const head = Buffer.concat([Buffer.from('openssh-key-v1\0'), sshString('none'), sshString('none'), sshString(''), sshUint32(1)])
  const bytes = Buffer.concat([head, sshString(encodeSshKey(publicKey)), sshString(body)])
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64').replace(/(.{70})/g, '$1\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

export interface OpenSshFolder {
  readonly path: string
  write(name: string, text: string): string
  /** Private and public file; the path of the private one. */
  writeKeys(name: string, keys: Keys): string
  /** Signed by ssh-keygen. The line, and its file beside the key. */
  certify(keyFile: string, caFile: string, kind: 'user' | 'host', principals: string): { line: string; file: string }
  remove(): void
}

export function openSshFolder(): OpenSshFolder {
  const path = mkdtempSync(join(tmpdir(), 'portico-ssh-'))
  const write = (name: string, text: string): string => {
    const file = join(path, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  return {
    path,
    write,
    writeKeys: (name, keys) => {
      write(`${name}.pub`, `${formatSshKey(keys.publicKey)}\n`)
      return write(name, formatPrivateKey(keys))
    },
    certify: (keyFile, caFile, kind, principals) => {
      execFileSync('ssh-keygen', [
        '-q',
        '-s',
        caFile,
        '-I',
        'test',
        '-n',
        principals,
        '-V',
        '-1m:+1h',
        ...(kind === 'host' ? ['-h'] : []),
        `${keyFile}.pub`,
      ])
      const file = `${keyFile}-cert.pub`
      return { file, line: execFileSync('cat', [file], { encoding: 'utf8' }) }
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

export interface Sshd {
  readonly port: number
  /** What it said on stderr. */
  readonly told: () => string
  connect(): Promise<Socket>
  close(): Promise<void>
}

/** sshd never takes port 0, so we listen and give it each connection as inetd would. */
export async function startSshd(options: readonly string[]): Promise<Sshd> {
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  let told = ''
  const common = [
    'UsePAM=no',
    'StrictModes=no',
    'AuthorizedKeysFile=none',
    'PidFile=none',
    'LogLevel=VERBOSE',
    'MaxAuthTries=20',
    'AcceptEnv=*',
    'PrintMotd=no',
  ]
  const args = ['-i', '-e', '-f', '/dev/null', ...[...options, ...common].flatMap(option => ['-o', option])]
  const children = new Set<Promise<unknown>>()
  const server: Server = createServer({ pauseOnConnect: true }, socket => {
    const child = spawn(SSHD!, args, { stdio: [socket, socket, 'pipe'] })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (told += text))
    const gone = once(child, 'close')
    children.add(gone)
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    told: () => told,
    connect: async () => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      await once(socket, 'connect')
      return socket
    },
    close: async () => {
      server.close()
      await Promise.all(children)
    },
  }
}

/** @returns the port of a server that hands over every connection */
export async function listen(onConnection: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer({ noDelay: true }, onConnection).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, server }
}

export interface Ran {
  readonly code: number | null
  readonly out: Buffer
  readonly err: string
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[], input?: Buffer, env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  const child = spawn(program, args, { stdio: 'pipe', env })
  const out: Buffer[] = []
  let err = ''
  child.stdout.on('data', (part: Buffer) => out.push(part))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out: Buffer.concat(out), err }
}

export const publicLine = (key: KeyObject): string => formatSshKey(key)
