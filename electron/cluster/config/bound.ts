import { PorticoError } from '../../../shared/errors.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { configError } from './config-source.ts'

const BIND_TROUBLES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'may not be used by this account',
  EADDRNOTAVAIL: 'is no address of this machine',
}

/** A port that cannot be bound is a problem of the configuration, with its place. */
export async function bound<T>(config: ClusterConfig, path: readonly string[], open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (thrown) {
    const { address, why } = thrown instanceof PorticoError ? thrown.facts : {}
    const trouble = BIND_TROUBLES[String(why)]
    if (address === undefined || trouble === undefined) throw thrown
    throw configError(config, path, `${String(address)} ${trouble}`, thrown)
  }
}
