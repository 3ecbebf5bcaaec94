import { createHash, randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import { readFileIfThere, writeFileAtomic } from './atomic-file.ts'
import { withLock } from './lock.ts'
import type { Notice } from './notice.ts'

/** Where the vault key lies: the system's keychain, else a file of the home that only the owner may read. */

/** A keychain may show a dialog of its own; one that never answers must not hold a sign-in for ever. */
const KEYCHAIN_MS = 20_000
/** Another process of this home may stand before that dialog. */
const LOCK_MS = 3 * KEYCHAIN_MS
const SERVICE = 'Portico'
const KEY_BYTES = 32

/** The part of a keychain that is used; the real one is loaded only when a key is needed. */
export interface Keychain {
  read(account: string): Promise<string | null>
  write(account: string, secret: string): Promise<void>
}

export interface VaultKey {
  readonly bytes: Buffer
  /** First bytes of its hash, to tell a wrong key from a damaged file. */
  readonly id: string
  readonly notice: Notice | undefined
}

/**
 * @param folder the vault folder; says where the key was put the first time
 * @throws PorticoError `vault/locked` when the key is in a keychain that cannot be read now
 */
export async function loadVaultKey(folder: string, env: Environment, keychain: Keychain = systemKeychain): Promise<VaultKey> {
  // Reading needs no lock: it must work on a full disk too.
  const there = await readKey(folder, env, keychain)
  return there ?? withLock(`${folder}.lock`, async () => (await readKey(folder, env, keychain)) ?? newKey(folder, env, keychain), LOCK_MS)
}

type Environment = Readonly<Record<string, string | undefined>>

const keyFileIn = (folder: string): string => join(folder, 'vault-key')
/** Holds the keychain's account name. */
const markerIn = (folder: string): string => join(folder, 'in-keychain')

async function readKey(folder: string, env: Environment, keychain: Keychain): Promise<VaultKey | undefined> {
  const held = await readFileIfThere(keyFileIn(folder), 1_024)
  if (held !== undefined) return keyOf(held, keyFileIn(folder))
  const account = await readFileIfThere(markerIn(folder), 1_024)
  return account === undefined || env['PORTICO_KEYRING'] === 'off' ? undefined : fromKeychain(keychain, account.trim())
}

async function newKey(folder: string, env: Environment, keychain: Keychain): Promise<VaultKey> {
  const bytes = randomBytes(KEY_BYTES)
  const secret = bytes.toString('base64')
  const wanted = env['PORTICO_KEYRING'] !== 'off'
  if (wanted) {
    const account = `vault-${randomBytes(8).toString('hex')}`
    if (await holds(keychain, account, secret)) {
      await writeFileAtomic(markerIn(folder), `${account}\n`)
      return { bytes, id: idOf(bytes), notice: undefined }
    }
  }
  const keyFile = keyFileIn(folder)
  await writeFileAtomic(keyFile, `${secret}\n`)
  return { bytes, id: idOf(bytes), notice: wanted ? noKeychain(keyFile) : undefined }
}

function noKeychain(keyFile: string): Notice {
  return {
    id: 'vault-key-file',
    text: `This computer has no keychain that Portico can use, so the key of your saved sign-ins lies in ${keyFile}. Only your own user may read it.`,
  }
}

async function keyOf(text: string, keyFile: string): Promise<VaultKey> {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES) throw new PorticoError('vault/locked', { why: `the key in ${keyFile} is damaged`, path: keyFile })
  // Copied or restored homes may have lost the mode.
  await fs.chmod(keyFile, 0o600).catch(() => {})
  return { bytes, id: idOf(bytes), notice: undefined }
}

async function fromKeychain(keychain: Keychain, account: string): Promise<VaultKey> {
  const secret = await within(keychain.read(account)).catch((error: unknown) => {
    throw new PorticoError('vault/locked', { why: 'the keychain does not give the key' }, error)
  })
  const bytes = Buffer.from(secret ?? '', 'base64')
  if (bytes.length !== KEY_BYTES) throw new PorticoError('vault/locked', { why: 'the keychain holds no key of Portico any more' })
  return { bytes, id: idOf(bytes), notice: undefined }
}

/** Some keychains accept a secret and forget it: only what can be read back counts. */
async function holds(keychain: Keychain, account: string, secret: string): Promise<boolean> {
  try {
    await within(keychain.write(account, secret))
    return (await within(keychain.read(account))) === secret
  } catch {
    return false
  }
}

const idOf = (key: Buffer): string => createHash('sha256').update('portico vault key\0').update(key).digest('hex').slice(0, 16)

async function within<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the keychain did not answer')), KEYCHAIN_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Only keychains that outlive a restart: Linux's kernel keyring does not. */
const STORE = { linux: { store: 'secret-service' } } as const

const systemKeychain: Keychain = {
  async read(account) {
    const { AsyncEntry } = await import('@napi-rs/keyring')
    return new AsyncEntry(SERVICE, account, STORE).getPassword()
  },
  async write(account, secret) {
    const { AsyncEntry } = await import('@napi-rs/keyring')
    await new AsyncEntry(SERVICE, account, STORE).setPassword(secret)
  },
}
