import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import { TOTP_STEP_MS, totpCode } from '../../wire/totp.ts'
import type { Storage } from '../storage/storage.ts'
import type { SecondFactor } from './auth.ts'

export interface NewUser {
  readonly name: string
  readonly password: string
  readonly roles: readonly string[]
  /** Values for `{{internal.…}}` in roles, such as `logins`. */
  readonly traits?: Readonly<Record<string, readonly string[]>>
  /** Base32; without it the user cannot sign in where the second factor is `otp`. */
  readonly totpSecret?: string
}

export interface User {
  readonly name: string
  readonly roles: readonly string[]
  readonly traits: Readonly<Record<string, readonly string[]>>
}

interface PasswordHash {
  readonly salt: string
  readonly hash: string
  /** scrypt's cost, kept with the hash so that it can grow later. */
  readonly cost: number
}

interface StoredUser extends User {
  readonly password: PasswordHash
  readonly totpSecret?: string
}

/** 32 MiB and some 80 ms a try. */
const PASSWORD_COST = 2 ** 15
const HASH_BYTES = 32
/** Longer ones would only cost time; the text would be cut nowhere. */
const MAX_PASSWORD = 1_024

const WRONG_CODE = 'invalid one-time code'

/** Each user has one device at most, so its id follows from the name. A UUID, as Teleport's are. */
function deviceOf(user: string): string {
  const hex = createHash('sha256').update(`one-time codes of ${user}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}

/** What names may hold: what Teleport takes, and no slash, since names are parts of keys and paths. wire/identity.md 5 */
const NAME = /^[A-Za-z0-9][A-Za-z0-9+@._:-]{0,254}$/

export function checkName(kind: 'user' | 'role', name: string): void {
  if (!NAME.test(name))
    throw new PorticoError('cluster/config', {
      why: `special characters are not allowed in resource names: ${kind} ${JSON.stringify(name)}`,
    })
}

/** Keys the traits of a local user always have, set or not. wire/identity.md 5 */
const TRAITS = [
  'aws_role_arns',
  'azure_identities',
  'db_names',
  'db_users',
  'gcp_service_accounts',
  'kubernetes_groups',
  'kubernetes_users',
  'logins',
  'windows_logins',
] as const

export interface Users {
  /** @returns false when there is a user of that name already; it stays as it is */
  create(user: NewUser): Promise<boolean>
  remove(name: string): Promise<void>
  get(name: string): Promise<User | undefined>
  /** @throws PorticoError login/refused, in the same words and time for unknown users */
  checkPassword(name: string, password: string): Promise<void>
  /** Password and, where the cluster wants it, a code that is good once. @throws PorticoError login/refused */
  signIn(name: string, password: string, code: string): Promise<User>
  /** Whether the user could give a code. */
  hasCodes(name: string): Promise<boolean>
  /** A code alone, of somebody who is signed in; good once. @returns the id of the device @throws PorticoError login/refused */
  confirm(name: string, code: string): Promise<string>
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, { N: cost, r: 8, p: 1, maxmem: 256 * cost * 8 }, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    )
  })
}

async function hashPassword(password: string, cost: number): Promise<PasswordHash> {
  const salt = randomBytes(16)
  return { salt: salt.toString('base64'), hash: (await derive(password, salt, cost)).toString('base64'), cost }
}

/** @param cost scrypt's N for new passwords */
export function openUsers(storage: Storage, secondFactor: SecondFactor, now: () => number, cost = PASSWORD_COST): Users {
  const refusal = (): PorticoError =>
    new PorticoError('login/refused', {
      why: secondFactor === 'off' ? 'invalid username or password' : 'invalid username, password or second factor',
    })
  /** Stands in for unknown users, so that their refusal takes as long; its hash fits no password. */
  const nobody: PasswordHash = { salt: randomBytes(16).toString('base64'), hash: randomBytes(HASH_BYTES).toString('base64'), cost }
  const key = (name: string): string => `users/${name}`
  const read = async (name: string): Promise<StoredUser | undefined> =>
    NAME.test(name) ? ((await storage.get(key(name)))?.value as StoredUser | undefined) : undefined

  async function verified(name: string, password: string): Promise<StoredUser> {
    const user = await read(name)
    const { salt, hash, cost: itsCost } = user?.password ?? nobody
    const given = await derive(password.slice(0, MAX_PASSWORD), Buffer.from(salt, 'base64'), itsCost)
    if (!timingSafeEqual(given, Buffer.from(hash, 'base64')) || user === undefined || password.length > MAX_PASSWORD) throw refusal()
    return user
  }

  /** A code counts in its own half minute and in the ones beside it; each is marked as used until none of them accepts it any more. */
  async function useCode(user: StoredUser, code: string): Promise<void> {
    const { totpSecret } = user
    if (totpSecret === undefined || !/^\d{6}$/.test(code)) throw refusal()
    const at = now()
    for (const shift of [0, -1, 1]) {
      const step = Math.floor(at / TOTP_STEP_MS) + shift
      if (!timingSafeEqual(Buffer.from(totpCode(totpSecret, step * TOTP_STEP_MS)), Buffer.from(code))) continue
      const marked = await storage.compareAndSwap(`otp-used/${user.name}/${step}`, undefined, true, { expires: (step + 2) * TOTP_STEP_MS })
      if (marked !== undefined) return
    }
    throw refusal()
  }

  return {
    async create({ name, password, roles, traits = {}, totpSecret }) {
      checkName('user', name)
      if ((await storage.get(key(name))) !== undefined) return false
      const all = { ...Object.fromEntries(TRAITS.map(trait => [trait, []])), ...traits }
      const user: StoredUser = {
        name,
        roles,
        traits: all,
        password: await hashPassword(password, cost),
        ...(totpSecret === undefined ? {} : { totpSecret }),
      }
      return (await storage.compareAndSwap(key(name), undefined, user)) !== undefined
    },
    remove: name => storage.delete(key(name)),
    get: read,
    async checkPassword(name, password) {
      await verified(name, password)
    },
    hasCodes: async name => secondFactor === 'otp' && (await read(name))?.totpSecret !== undefined,
    async confirm(name, code) {
      const user = await read(name)
      if (secondFactor === 'off' || user === undefined) throw new PorticoError('login/refused', { why: WRONG_CODE })
      await useCode(user, code).catch((thrown: unknown) => {
        if (PorticoError.from(thrown).code !== 'login/refused') throw thrown
        throw new PorticoError('login/refused', { why: WRONG_CODE })
      })
      return deviceOf(name)
    },
    async signIn(name, password, code) {
      const user = await verified(name, password)
      if (secondFactor === 'otp') await useCode(user, code)
      return user
    },
  }
}
