import { execFileSync, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { commonNameOnly, issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../electron/wire/x509.ts'

/** Database servers refuse to run as root: the account of the system that its package brings, or nobody else. */
export function accountOf(user: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** PEM of a server on `localhost`: its own authority, certificate and key, for a day. */
export async function serverCertificate(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const caKeys = await newKeyPair('ecdsa-p256')
  const ca = await openCaSigner(selfSignedCa('db.test', caKeys, Date.now()), privateKeyPem(caKeys.privateKey))
  const keys = await newKeyPair('ecdsa-p256')
  const cert = issueCertificate({
    ca,
    subject: commonNameOnly('localhost'),
    publicKey: keys.publicKey,
    now: Date.now(),
    notAfter: Date.now() + 86_400_000,
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  return { ca: ca.cert, cert, key: privateKeyPem(keys.privateKey) }
}

export interface DatabaseProcess {
  /** Resolves when it answers. */
  start(): Promise<void>
  stop(signal: NodeJS.Signals): Promise<void>
}

/**
 * A database server that a test stops and starts.
 * @param ask throws until the server answers
 * @param tries every 50 ms
 */
export function databaseProcess(spawn: () => ChildProcess, ask: () => void, tries: number): DatabaseProcess {
  let server: ChildProcess | undefined
  return {
    async start() {
      server = spawn()
      for (let left = tries; ; left--) {
        try {
          return ask()
        } catch (thrown) {
          if (left === 1) throw thrown
          await sleep(50)
        }
      }
    },
    async stop(signal) {
      const running = server
      server = undefined
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
      const ended = new Promise(resolve => running.once('exit', resolve))
      running.kill(signal)
      await ended
    },
  }
}
