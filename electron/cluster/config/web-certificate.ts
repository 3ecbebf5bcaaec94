import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { commonNameOnly, issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../wire/x509.ts'
import type { KeyPair } from '../auth/auth.ts'

const YEAR_MS = 365 * 86_400_000

interface WebCertificate {
  readonly keyPair: KeyPair
  /** PEM file that clients may be told to trust: our own CA, or the configured certificate itself. */
  readonly caFile: string
}

async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  const partial = `${file}.new`
  await writeFile(partial, text, { mode })
  await chmod(partial, mode)
  await rename(partial, file)
}

async function readAuthority(caFile: string, keyFile: string, now: number): Promise<KeyPair | undefined> {
  try {
    const found = { cert: await readFile(caFile, 'utf8'), key: await readFile(keyFile, 'utf8') }
    openCaSigner(found.cert, found.key)
    return Date.parse(new X509Certificate(found.cert).validTo) > now + YEAR_MS ? found : undefined
  } catch {
    return undefined
  }
}

/**
 * A web certificate of our own: an authority kept in the data folder, so that what clients trust stays, and a fresh
 * certificate for `hosts` at each start, so that a changed name needs nothing else.
 * @param folder made when missing (0700)
 */
export async function selfSignedWebCertificate(
  folder: string,
  clusterName: string,
  hosts: readonly string[],
  now: number,
): Promise<WebCertificate> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const [caFile, keyFile] = [join(folder, 'web-ca.pem'), join(folder, 'web-ca.key')]
  let authority = await readAuthority(caFile, keyFile, now)
  if (authority === undefined) {
    const keys = await newKeyPair('ecdsa-p256')
    authority = { cert: selfSignedCa(`${clusterName} web`, keys, now), key: privateKeyPem(keys.privateKey) }
    await writeWhole(keyFile, authority.key, 0o600)
    await writeWhole(caFile, authority.cert, 0o644)
  }
  const keys = await newKeyPair('ecdsa-p256')
  const cert = issueCertificate({
    ca: openCaSigner(authority.cert, authority.key),
    subject: commonNameOnly(hosts[0] ?? clusterName),
    publicKey: keys.publicKey,
    now,
    notAfter: now + YEAR_MS,
    dnsNames: hosts.filter(host => isIP(host) === 0),
    ipAddresses: hosts.filter(host => isIP(host) !== 0),
  })
  return { keyPair: { cert, key: privateKeyPem(keys.privateKey) }, caFile }
}
