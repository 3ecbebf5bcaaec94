import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { formatAddress, parseAddress } from '../../../shared/address.ts'
import { decodeSshCertificate, SSH_NO_END } from '../../wire/ssh-certificate.ts'
import type { HostCa, LoginFiles } from '../client.ts'
import { readLogin, type LoginIdentity } from '../read-login.ts'
import { readTshAuthorities } from './tsh-authorities.ts'
import { isPlainName, namesIn, readFirst, readText } from './tsh-files.ts'

/** A login that tsh holds, ready to be used: keys and certificates fit, and the authorities are there. */
export interface TshLogin extends LoginIdentity {
  /** host:port */
  readonly proxy: string
  /** The root, which signed the certificate. */
  readonly cluster: string
  readonly user: string
  /** tsh itself would use this one. */
  readonly current: boolean
  readonly files: LoginFiles
  readonly hostCas: readonly HostCa[]
}

const PROFILES_LIMIT = 100
const MS = 1000
/** tsh truncates and writes: what does not fit together may fit a moment later. wire/profile-dir.md 1 */
const AGAIN_MS = 150

const ProfileShape = z.looseObject({ web_proxy_addr: z.string(), user: z.string() })

/** Reads every login below `base` and changes nothing there. Profiles without a usable login are left out. wire/profile-dir.md 2–8 */
export async function readTshLogins(base: string): Promise<readonly TshLogin[]> {
  const names = (await namesIn(base)).filter(name => name.endsWith('.yaml')).slice(0, PROFILES_LIMIT)
  if (names.length === 0) return []
  const current = (await readText(join(base, 'current-profile')))?.trim()
  const logins = await Promise.all(names.map(name => readTwice(base, name.slice(0, -'.yaml'.length), current)))
  return logins.filter(login => login !== undefined)
}

async function readTwice(base: string, profile: string, current: string | undefined): Promise<TshLogin | undefined> {
  try {
    return await readOne(base, profile, current)
  } catch {
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
    return readOne(base, profile, current).catch(() => undefined)
  }
}

/** @throws when something is half there */
async function readOne(base: string, profile: string, current: string | undefined): Promise<TshLogin | undefined> {
  const text = await readText(join(base, `${profile}.yaml`))
  const settings = ProfileShape.safeParse(text === undefined ? undefined : parse(text))
  const address = settings.success ? parseAddress(settings.data.web_proxy_addr, 443) : undefined
  if (!settings.success || address === undefined || !isPlainName(settings.data.user)) return undefined
  const { user } = settings.data
  const keys = join(base, 'keys', profile)
  const sshKey = await readText(join(keys, user))
  if (sshKey === undefined) return undefined
  const tlsKey = (await readText(join(keys, `${user}.key`))) ?? sshKey
  const tlsCert = await readFirst(join(keys, `${user}.crt`), join(keys, `${user}-x509.pem`))
  if (tlsCert === undefined) return undefined
  // A hardware key is no key that we could use, nor will it be one in a moment.
  if (tlsKey.includes('PIV YUBIKEY')) return undefined
  const x509 = new X509Certificate(tlsCert)
  if (!x509.checkPrivateKey(createPrivateKey(tlsKey))) return undefined
  const cluster = /^CN=(.+)$/m.exec(x509.issuer)?.[1]
  if (cluster === undefined || !isPlainName(cluster)) return undefined
  const ssh = await sshCertificate(join(keys, `${user}-ssh`), cluster, sshKey)
  const hostCas = await readTshAuthorities(base, profile)
  if (ssh === undefined || !hostCas.some(ca => ca.cluster === cluster)) return undefined
  const identity = readLogin(tlsCert)
  return {
    ...identity,
    proxy: formatAddress(address),
    cluster,
    user,
    current: profile === current,
    validUntil: Math.min(identity.validUntil, ssh.validUntil),
    files: { tlsKey, tlsCert, sshKey, sshCert: ssh.line },
    hostCas,
  }
}

/** One a cluster; after `tsh login LEAF` only the leaf's is there. It has to be for our key. */
async function sshCertificate(folder: string, cluster: string, key: string): Promise<{ line: string; validUntil: number } | undefined> {
  const names = (await namesIn(folder)).filter(name => name.endsWith('-cert.pub'))
  const ordered = [`${cluster}-cert.pub`, ...names].filter(name => names.includes(name))
  for (const name of new Set(ordered)) {
    const line = (await readText(join(folder, name)))?.trim()
    if (line === undefined) continue
    const { validBefore, publicKey } = decodeSshCertificate(line)
    if (!publicKey.equals(createPublicKey(key))) continue
    return { line, validUntil: validBefore === SSH_NO_END ? Infinity : Number(validBefore) * MS }
  }
  return undefined
}
