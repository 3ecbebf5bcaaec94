import { randomBytes, randomInt } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase32 } from '../../wire/totp.ts'

/** The people of the lab. What their roles allow is in lab-config.ts. */
const LAB_USERS = [
  { name: 'alice', roles: ['owner', 'developer'], logins: ['alice'] },
  { name: 'bob', roles: ['developer'], logins: [] },
] as const

export interface LabUser {
  readonly name: string
  readonly roles: readonly string[]
  readonly logins: readonly string[]
  readonly password: string
  readonly otpSecret: string
  readonly passwordFile: string
  readonly otpSecretFile: string
}

/** No letters that look like others: it is read from a screen. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** 16 of 31 letters in groups: 79 bits. */
function newPassword(): string {
  const letters = Array.from({ length: 16 }, () => LETTERS[randomInt(LETTERS.length)])
  return letters.join('').replace(/.{4}(?=.)/g, '$&-')
}

async function keptLine(file: string, make: () => string): Promise<string> {
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim()
  if (kept !== '') return kept
  const made = make()
  await writeFile(file, `${made}\n`, { mode: 0o600 })
  return made
}

/** Passwords and one-time secrets of a lab: made once, kept in 0600 files of `folder` (0700). */
export async function labUsers(folder: string): Promise<readonly LabUser[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return Promise.all(
    LAB_USERS.map(async user => {
      const [passwordFile, otpSecretFile] = [join(folder, `${user.name}.password`), join(folder, `${user.name}.otp`)]
      const password = await keptLine(passwordFile, newPassword)
      const otpSecret = await keptLine(otpSecretFile, () => encodeBase32(randomBytes(20)))
      return { ...user, password, otpSecret, passwordFile, otpSecretFile }
    }),
  )
}
