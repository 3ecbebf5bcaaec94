import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { PorticoError } from '../../shared/errors.ts'
import { diskError, readFileIfThere, setAside, writeFileAtomic } from './atomic-file.ts'
import { makePrivate, type Home } from './home.ts'
import type { Notice } from './notice.ts'
import { loadVaultKey, type Keychain, type VaultKey } from './vault-key.ts'

/** Keys and certificates of logins, encrypted at rest: AES-256-GCM, one file a profile, the profile's name authenticated with it. */

const MAX_BYTES = 1024 * 1024

const SealedShape = z.object({ version: z.literal(1), key: z.string(), nonce: z.string(), tag: z.string(), sealed: z.string() })

/** Private keys and certificates of one login, PEM or authorized_keys text. */
const StoredKeysShape = z.object({ tlsKey: z.string(), tlsCert: z.string(), sshKey: z.string(), sshCert: z.string() })
export type StoredKeys = Readonly<z.infer<typeof StoredKeysShape>>

export interface Vault {
  /** What a person should know: no keychain, a damaged file that was set aside. */
  readonly notices: readonly Notice[]
  save(profile: string, keys: StoredKeys): Promise<void>
  /**
   * @returns undefined when nothing is kept, or when its file was damaged and set aside: the profile counts as signed out
   * @throws PorticoError `vault/locked`, `state/unwritable`
   */
  load(profile: string): Promise<StoredKeys | undefined>
  remove(profile: string): Promise<void>
}

export interface VaultOptions {
  /** `PORTICO_KEYRING=off` keeps the key in a file. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly keychain?: Keychain
}

/** The key is fetched when it is first needed: commands that only print never wake the keychain. */
export function openVault(home: Home, options: VaultOptions = {}): Vault {
  const notices: Notice[] = []
  let loading: Promise<VaultKey> | undefined

  const vaultKey = (): Promise<VaultKey> => {
    if (loading !== undefined) return loading
    makePrivate(home.vault)
    loading = loadVaultKey(home.vault, options.env ?? process.env, options.keychain).then(key => {
      if (key.notice !== undefined) notices.push(key.notice)
      return key
    })
    // A locked keychain may be unlocked before the next try.
    loading.catch(() => {
      loading = undefined
    })
    return loading
  }
  const damaged = async (path: string, profile: string): Promise<undefined> => {
    const kept = await setAside(path)
    notices.push({
      id: `vault-${basename(kept)}`,
      text: `The saved sign-in to ${profile} could not be read. Its file is kept as ${kept}. Sign in again to go on.`,
    })
    return undefined
  }

  return {
    notices,
    async save(profile, keys) {
      const { bytes, id } = await vaultKey()
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', bytes, nonce).setAAD(Buffer.from(profile))
      const sealed = Buffer.concat([cipher.update(JSON.stringify(StoredKeysShape.parse(keys)), 'utf8'), cipher.final()])
      const [encodedNonce, tag] = [nonce.toString('base64'), cipher.getAuthTag().toString('base64')]
      const content = { version: 1, key: id, nonce: encodedNonce, tag, sealed: sealed.toString('base64') }
      await writeFileAtomic(fileOf(home, profile), `${JSON.stringify(content)}\n`)
    },
    async load(profile) {
      const path = fileOf(home, profile)
      const text = await readFileIfThere(path, MAX_BYTES)
      if (text === undefined) return undefined
      const file = parse(SealedShape, text)
      if (file === undefined) return damaged(path, profile)
      const key = await vaultKey()
      // Another key is no damage: the keychain of another account or another home may hold it.
      if (file.key !== key.id) throw new PorticoError('vault/locked', { why: 'they were saved with another key', path })
      const opened = unseal(file, key.bytes, profile)
      const keys = opened === undefined ? undefined : parse(StoredKeysShape, opened)
      return keys ?? damaged(path, profile)
    },
    async remove(profile) {
      const path = fileOf(home, profile)
      await fs.rm(path, { force: true }).catch((error: unknown) => {
        throw diskError(error, path)
      })
    },
  }
}

/** Readable for people, unique by its hash, legal on every disk. */
function fileOf(home: Home, profile: string): string {
  const hash = createHash('sha256').update(profile).digest('hex').slice(0, 8)
  return join(home.vault, `${profile.replace(/[^\w.-]+/g, '_').slice(0, 80)}-${hash}.json`)
}

function parse<T>(shape: z.ZodType<T>, text: string): T | undefined {
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function unseal(file: z.infer<typeof SealedShape>, key: Buffer, profile: string): string | undefined {
  try {
    const tag = Buffer.from(file.tag, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(file.nonce, 'base64'), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(profile)).setAuthTag(tag)
    return decipher.update(file.sealed, 'base64', 'utf8') + decipher.final('utf8')
  } catch {
    return undefined
  }
}
