import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import { NO_LOG, type Log } from '../../log/log.ts'
import { freeze } from './freeze.ts'
import { dropKeyFile, makeKeyFile, missingKey, readKeyFile, wrongKey } from './key-file.ts'
import { SEALED_PREFIXES, type Item, type Storage } from './storage.ts'

export interface EncryptedStorageOptions {
  /** Every machine of the cluster has the same one. Made, readable by its owner alone, for state that nobody sealed yet. */
  readonly keyFile: string
  /** Values under them are sealed, all others stay as they are. */
  readonly prefixes?: readonly string[]
  readonly log?: Log
}

/** Holds a sealed word: a key that opens it is the right one. */
const CHECK = 'storage-key'
const CHECK_WORD = 'portico'

/** AES-256-GCM: nonce, sealed JSON, tag. */
const [NONCE_BYTES, TAG_BYTES] = [12, 16]

interface Sealed {
  readonly sealed: 'aes-256-gcm'
  /** base64 */
  readonly bytes: string
}

/** The item's key is authenticated with its value: a sealed value that was moved to another key does not open there. */
const bound = (key: string): Buffer => Buffer.from(`portico storage 1\n${key}`)

function seal(secret: Buffer, key: string, value: unknown): Sealed {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(bound(key))
  const bytes = Buffer.concat([nonce, cipher.update(JSON.stringify(value ?? null), 'utf8'), cipher.final(), cipher.getAuthTag()])
  return { sealed: 'aes-256-gcm', bytes: bytes.toString('base64') }
}

/** @returns undefined for what was not sealed with this key, for this item */
function unseal(secret: Buffer, key: string, value: unknown): { readonly value: unknown } | undefined {
  const { sealed, bytes: text } = (value ?? {}) as Partial<Sealed>
  if (sealed !== 'aes-256-gcm' || typeof text !== 'string') return undefined
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(bound(key)).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    return { value: JSON.parse(plain.toString('utf8')) as unknown }
  } catch {
    return undefined
  }
}

/**
 * Seals values on their way into another storage, which it closes with itself. A value that should be sealed and is not was
 * put there by somebody who has no key: it is refused, not used. That somebody put back an older value of the same key is not noticed.
 * @throws PorticoError cluster/config when the key file is missing, unreadable or not this cluster's; nothing was written then
 */
export async function openEncryptedStorage(inner: Storage, options: EncryptedStorageOptions): Promise<Storage> {
  const { keyFile, prefixes = SEALED_PREFIXES, log = NO_LOG } = options
  const secret = await agreeOnKey(inner, keyFile, log)
  const isSealed = (key: string): boolean => prefixes.some(prefix => key.startsWith(prefix))
  const into = (key: string, value: unknown): unknown => (isSealed(key) ? seal(secret, key, value) : value)
  const out = (item: Item): Item => {
    if (!isSealed(item.key)) return item
    const plain = unseal(secret, item.key, item.value)
    if (plain === undefined) throw new PorticoError('cluster/storage', { why: `${item.key} was not written by a machine of this cluster` })
    return freeze({ ...item, value: plain.value })
  }
  return {
    async get(key) {
      const item = await inner.get(key)
      return item && out(item)
    },
    list: async prefix => (await inner.list(prefix)).filter(({ key }) => key !== CHECK).map(out),
    put: async (key, value, more) => out(await inner.put(key, into(key, value), more)),
    async compareAndSwap(key, revision, value, more) {
      const item = await inner.compareAndSwap(key, revision, into(key, value), more)
      return item && out(item)
    },
    delete: key => inner.delete(key),
    watch: (prefix, listener) =>
      inner.watch(prefix, event => {
        try {
          listener(event.type === 'put' ? { type: 'put', item: out(event.item) } : event)
        } catch (thrown) {
          log.error('storage.unsealed-value', { key: event.type === 'put' ? event.item.key : event.key }, thrown)
        }
      }),
    close: () => inner.close(),
  }
}

async function agreeOnKey(storage: Storage, file: string, log: Log): Promise<Buffer> {
  const opens = (secret: Buffer, check: Item): boolean => unseal(secret, CHECK, check.value)?.value === CHECK_WORD
  const [known, kept] = [await storage.get(CHECK), await readKeyFile(file, log)]
  if (known !== undefined) {
    if (kept === undefined) throw missingKey(file)
    if (!opens(kept, known)) throw wrongKey(file)
    return kept
  }
  const secret = kept ?? (await makeKeyFile(file))
  const first = await storage.compareAndSwap(CHECK, undefined, seal(secret, CHECK, CHECK_WORD))
  if (first !== undefined) {
    log.info('storage.key-chosen', { file, made: kept === undefined })
    return secret
  }
  // Another machine was first. Its key counts; ours sealed nothing.
  const theirs = await storage.get(CHECK)
  if (theirs !== undefined && opens(secret, theirs)) return secret
  if (kept === undefined) await dropKeyFile(file)
  throw kept === undefined ? missingKey(file) : wrongKey(file)
}
