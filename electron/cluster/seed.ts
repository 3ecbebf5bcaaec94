import { readFile } from 'node:fs/promises'
import { PorticoError } from '../../shared/errors.ts'
import type { OpenAuth } from './auth/open-auth.ts'
import type { AuthConfig, Secret, SeedUser } from './config/cluster-config.ts'

/** @throws PorticoError `cluster/config` */
async function firstLine(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0]!.trim()
  } catch (thrown) {
    throw new PorticoError('cluster/config', { file, why: `${file} cannot be read` }, thrown)
  }
}

/** @throws PorticoError `cluster/config` when its file cannot be read or is empty */
export async function readSecret(secret: Secret): Promise<string> {
  if ('text' in secret) return secret.text
  const text = await firstLine(secret.file)
  if (text === '') throw new PorticoError('cluster/config', { file: secret.file, why: `${secret.file} is empty` })
  return text
}

/** Roles as the file says; users that exist stay as they are: their passwords are theirs. */
export async function seedAuth(auth: OpenAuth, { roles, users }: AuthConfig): Promise<void> {
  for (const role of roles) await auth.createRole(role)
  await Promise.all(users.map(user => seedUser(auth, user)))
}

async function seedUser(auth: OpenAuth, { name, roles, logins, passwordFile, otpSecretFile }: SeedUser): Promise<void> {
  if ((await auth.user(name)) !== undefined) return
  await auth.createUser({
    name,
    roles,
    traits: { logins },
    password: await firstLine(passwordFile),
    ...(otpSecretFile === undefined ? {} : { totpSecret: await firstLine(otpSecretFile) }),
  })
}
