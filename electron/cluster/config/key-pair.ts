import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { PorticoError } from '../../../shared/errors.ts'
import type { KeyPair } from '../auth/auth.ts'
import { chainTrouble } from './certificate-chain.ts'
import type { KeyPairFiles } from './cluster-config.ts'

/**
 * A key pair that a server can show. The texts are Teleport's where it has them: lib/config/configuration.go
 * @param now ms since 1970
 * @throws PorticoError `cluster/config` (facts: file, why): a file is missing, they are no pair, or the chain cannot be verified
 */
export function readKeyPair({ keyFile, certFile }: KeyPairFiles, now: number): KeyPair {
  const pair = { key: read(keyFile, 'https private key'), cert: read(certFile, 'https cert') }
  try {
    createSecureContext(pair)
  } catch (thrown) {
    throw new PorticoError('cluster/config', { file: certFile, why: `${certFile} and ${keyFile} are no key pair` }, thrown)
  }
  const trouble = chainTrouble(pair.cert, now)
  if (trouble === undefined) return pair
  throw new PorticoError('cluster/config', { file: certFile, why: `unable to verify HTTPS certificate chain in ${certFile}: ${trouble}` })
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    throw new PorticoError(
      'cluster/config',
      { file, why: isMissing ? `${what} does not exist: ${file}` : `${file} cannot be read` },
      thrown,
    )
  }
}
