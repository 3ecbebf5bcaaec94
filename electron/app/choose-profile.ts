import { formatAddress, parseAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { Context } from './context.ts'

/** 0 stands for "no port given": it is no port of anything. */
const NO_PORT = 0

/** Which proxy is meant: the flag, else PORTICO_PROXY, else TELEPORT_PROXY; undefined = the current profile. */
export function namedProxy(given: string | undefined, env: Context['env']): string | undefined {
  return [given, env['PORTICO_PROXY'], env['TELEPORT_PROXY']].find(name => name !== undefined && name !== '')
}

/** @throws PorticoError `usage/invalid` for what is no address */
export function readProxyAddress(text: string): void {
  if (parseAddress(text, 443) === undefined)
    throw new PorticoError('usage/invalid', { why: `"${text}" is no address of a proxy; it is HOST or HOST:PORT` })
}

/** The profile that `text` names: exactly, or by its host alone, or by another name of this machine. */
export function findProfile({ profiles }: Context, text: string): StoredProfile | undefined {
  const exact = profiles.get(text)
  if (exact !== undefined) return exact
  const wanted = splitAddress(text)
  if (wanted === undefined) return undefined
  if (wanted.port !== NO_PORT) {
    const plain = profiles.get(formatAddress(wanted))
    if (plain !== undefined) return plain
  }
  const current = profiles.current()
  const candidates = profiles.list().filter(({ proxy }) => {
    const address = splitAddress(proxy)
    return address !== undefined && sameHost(address.host, wanted.host) && (wanted.port === NO_PORT || wanted.port === address.port)
  })
  return candidates.find(({ proxy }) => proxy === current?.proxy) ?? candidates[0]
}

function splitAddress(text: string): Address | undefined {
  const withPort = parseAddress(text, 65_535)
  if (withPort === undefined) return undefined
  return parseAddress(text, 1)?.port === withPort.port ? withPort : { host: withPort.host, port: NO_PORT }
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
const sameHost = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase() || (isLoopback(one) && isLoopback(other))

/**
 * The profile to work with, whether its session has ended or not.
 * @throws PorticoError `login/required`
 */
export function chooseProfile(context: Context, given: string | undefined): StoredProfile {
  const name = namedProxy(given, context.env)
  const found = name === undefined ? context.profiles.current() : findProfile(context, name)
  if (found === undefined) throw new PorticoError('login/required', name === undefined ? {} : { proxy: name })
  return found
}

/** @throws PorticoError `login/expired` */
export function requireSession(context: Context, profile: StoredProfile): StoredProfile {
  if (profile.validUntil <= context.now()) throw new PorticoError('login/expired', { proxy: profile.proxy })
  return profile
}
