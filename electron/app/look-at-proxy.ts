import { readFile } from 'node:fs/promises'
import { PorticoError } from '../../shared/errors.ts'
import { formatAddress } from '../../shared/address.ts'
import type { LoginForm } from '../../shared/contract.ts'
import type { Ping, Trust } from '../client/client.ts'
import { loginNeeds } from '../client/log-in.ts'
import { lookAtProxy as look } from '../client/look-at-proxy.ts'
import { readProxyAddress } from './choose-profile.ts'

/** What a proxy says about itself, and what its sign-in asks for. */
export interface LookedAt {
  readonly ping: Ping
  readonly form: LoginForm
}

/** @throws PorticoError `usage/invalid`, `proxy/*` */
export async function lookAtProxy(address: string, trust: Trust, signal: AbortSignal): Promise<LookedAt> {
  readProxyAddress(address)
  const ping = await look(address, trust, signal)
  const needs = loginNeeds(ping)
  return {
    ping,
    form: {
      proxy: formatAddress(ping.webProxy),
      cluster: ping.cluster,
      version: ping.serverVersion,
      // Where a user may have no second factor, only `login/code-needed` says that this one has.
      kind: needs.kind === 'password-and-code' && needs.optional ? 'password' : needs.kind,
      wants: needs.kind === 'unsupported' ? needs.wants : '',
    },
  }
}

export const PLAIN_TRUST: Trust = { extraRoots: [], caPin: undefined, insecure: false }

const MAX_CA_BYTES = 1024 * 1024

/**
 * PEM certificates of a file that the user named.
 * @throws PorticoError `usage/invalid`
 */
export async function readCaFile(path: string): Promise<readonly string[]> {
  let text
  try {
    text = await readFile(path, 'latin1')
  } catch (error) {
    throw new PorticoError('usage/invalid', { why: `the CA file ${path} cannot be read` }, error)
  }
  const found = text.length > MAX_CA_BYTES ? null : text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (found === null) throw new PorticoError('usage/invalid', { why: `${path} holds no certificate in PEM form` })
  return found
}
