import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { PorticoError } from '../../shared/errors.ts'
import { decodeIdentity } from '../wire/identity.ts'
import { splitPem } from '../wire/pem.ts'
import { decodeSshCertificate } from '../wire/ssh-certificate.ts'
import { splitSshLine } from '../wire/ssh-keys.ts'
import type { HostCa, LoginResult } from './client.ts'
import { privatePem, type LoginKeys } from './login-keys.ts'

/** What every login answers with, and what a client must see in it before it keeps anything. wire/webapi.md 4.2 */

const base64 = z.string().transform(text => Buffer.from(text, 'base64').toString('utf8'))

const AnswerShape = z.object({
  username: z.string().min(1).max(1_024),
  cert: base64,
  tls_cert: base64,
  host_signers: z
    .array(
      z.object({
        domain_name: z.string(),
        checking_keys: z
          .array(base64)
          .nullish()
          .transform(keys => keys ?? []),
        tls_certs: z
          .array(base64)
          .nullish()
          .transform(certs => certs ?? []),
      }),
    )
    .nullish()
    .transform(signers => signers ?? []),
})

/**
 * @param proxy named in errors
 * @throws PorticoError `proxy/answer` (a certificate for another key, no host CA, a name that is none), `proxy/clock`
 */
export function readLoginAnswer(json: string, keys: LoginKeys, proxy: string, now: number): LoginResult {
  const wrong = (why: string, cause?: unknown): PorticoError =>
    new PorticoError('proxy/answer', { proxy, why: `the sign-in's answer makes no sense: ${why}` }, cause)
  try {
    const answer = AnswerShape.parse(JSON.parse(json))
    if (!new X509Certificate(answer.tls_cert).publicKey.equals(keys.tls.publicKey)) throw wrong('its TLS certificate is for another key')
    if (!decodeSshCertificate(answer.cert.trim()).publicKey.equals(keys.ssh.publicKey))
      throw wrong('its SSH certificate is for another key')
    if (answer.host_signers.length === 0) throw wrong('it names no host authority')
    const hostCas = answer.host_signers.map(signer => readHostCa(signer.domain_name, signer.tls_certs, signer.checking_keys))
    checkClock(answer.tls_cert, proxy, now)
    const [tlsKey, sshKey] = [privatePem(keys.tls), privatePem(keys.ssh)]
    return { user: answer.username, files: { tlsKey, tlsCert: answer.tls_cert, sshKey, sshCert: answer.cert }, hostCas }
  } catch (error) {
    throw error instanceof PorticoError && error.code !== 'wire/malformed' ? error : wrong('a part of it cannot be read', error)
  }
}

/**
 * Public CA material of one cluster, checked: names become file names, certificates become roots.
 * @throws PorticoError `proxy/answer`; whatever the certificate and key readers throw
 */
export function readHostCa(cluster: string, tlsCerts: readonly string[], sshKeys: readonly string[]): HostCa {
  if (cluster === '' || cluster.length > 255 || cluster.includes('..') || /[/\\\p{Cc}]/u.test(cluster)) {
    throw new PorticoError('proxy/answer', { why: 'a cluster has a name that is none' })
  }
  const tls = tlsCerts.flatMap(text => splitPem(text, 'CERTIFICATE'))
  for (const pem of tls) new X509Certificate(pem)
  const ssh = sshKeys.map(line => line.trim())
  for (const line of ssh) splitSshLine(line)
  return { cluster, tls, ssh }
}

/** Servers set the start a minute back; clocks that differ a little more than that do no harm. */
const CLOCK_SLACK_MS = 5 * 60_000

/** A certificate that was just made must be valid now: otherwise one of the two clocks is wrong. */
function checkClock(tlsCert: string, proxy: string, now: number): void {
  const { notBefore, notAfter } = decodeIdentity(tlsCert)
  if (notBefore <= now + CLOCK_SLACK_MS && now < notAfter) return
  const [here, from, to] = [now, notBefore, notAfter].map(ms => new Date(ms).toISOString())
  throw new PorticoError('proxy/clock', {
    proxy,
    why: `this computer says ${here}, but the new sign-in is valid from ${from} to ${to}`,
    here: here!,
    there: from!,
  })
}
