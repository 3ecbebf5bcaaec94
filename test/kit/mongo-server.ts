import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'

const SOURCES = fileURLToPath(new URL('mongo', import.meta.url))
/** Beside other things that tests make. */
const BUILT = fileURLToPath(new URL('../../node_modules/.cache/lab-mongo', import.meta.url))
const FETCH_MS = 90_000

const succeeds = (program: string, args: readonly string[]): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0

/**
 * mongo-java-server with client certificates and X.509 login; there is no MongoDB to be had as an ordinary package.
 * Fetched once from Maven Central: 3 MB.
 * @returns why there is none; undefined when it can be started
 */
export function missingMongo(): string | undefined {
  if (existsSync(join(BUILT, 'LabMongo.class'))) return undefined
  if (!succeeds('javac', ['-version']) || !succeeds('mvn', ['-v'])) return 'it needs a JDK 17 and Maven'
  mkdirSync(BUILT, { recursive: true })
  for (const file of ['pom.xml', 'LabMongo.java']) copyFileSync(join(SOURCES, file), join(BUILT, file))
  try {
    const libraries = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib']
    execFileSync('mvn', libraries, { cwd: BUILT, stdio: 'ignore', timeout: FETCH_MS })
    execFileSync('javac', ['-cp', 'lib/*', 'LabMongo.java'], { cwd: BUILT, stdio: 'ignore' })
    return undefined
  } catch {
    return 'Maven Central does not answer'
  }
}

export interface MongoServer {
  readonly port: number
  start(): Promise<void>
  /** As if it had crashed. */
  kill(): Promise<void>
  remove(): Promise<void>
}

export interface MongoCertificates {
  readonly key: string
  readonly cert: string
  readonly caCerts: readonly string[]
}

export async function mongoServer({ key, cert, caCerts }: MongoCertificates, port?: number): Promise<MongoServer> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-mongo-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const files = [file('server.crt', cert), file('server.key', key), file('clients-ca.crt', caCerts.join(''))]
  const at = port ?? (await freePort())
  let child: ChildProcess | undefined
  const kill = async (): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise(resolve => running.once('exit', resolve))
    running.kill('SIGKILL')
    await ended
  }
  return {
    port: at,
    kill,
    async start() {
      const started = spawn('java', ['-Xmx256m', '-cp', `.:lib/*`, 'LabMongo', String(at), ...files], {
        cwd: BUILT,
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      started.stdin.on('error', () => {})
      child = started
      await new Promise<void>((resolve, reject) => {
        started.stdout.once('data', () => resolve())
        started.once('exit', () => reject(new Error('the server ended at once')))
      })
    },
    async remove() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
