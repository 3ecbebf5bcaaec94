import { encode, hostPort, query, type ClientTarget, type DatabaseClient } from '../client-target.ts'

/** As tsh: a database that is not there is told in 5 s, not in 30. */
const SELECTION_MS = '5000'

/** `directConnection`: a replica set's own names of its members lead around the tunnel. mongosh adds it by itself, drivers do not. */
export function mongoUrl(target: ClientTarget): string {
  const { databaseName, tls } = target
  const files = tls === undefined ? {} : { tls: 'true', tlsCertificateKeyFile: tls.pair, tlsCAFile: tls.ca }
  return `mongodb://${hostPort(target)}/${encode(databaseName)}${query({ directConnection: 'true', ...files })}`
}

export const MONGOSH: DatabaseClient = {
  programs: ['mongosh', 'mongo'],
  install: {
    linux: 'mongodb-mongosh (mongodb.com/try/download/shell)',
    darwin: 'mongosh (Homebrew)',
    win32: 'MongoDB.Shell (winget)',
  },
  args: (target, program) => {
    const { tls, databaseName } = target
    const old = program === 'mongo'
    const ca = tls?.ca === undefined ? (old ? [] : ['--tlsUseSystemCA']) : [old ? '--sslCAFile' : '--tlsCAFile', tls.ca]
    return [
      ...(tls === undefined ? [] : old ? ['--ssl', '--sslPEMKeyFile', tls.pair] : ['--tls', '--tlsCertificateKeyFile', tls.pair]),
      ...(tls === undefined ? [] : ca),
      `mongodb://${hostPort(target)}/${encode(databaseName)}${query({ serverSelectionTimeoutMS: SELECTION_MS })}`,
    ]
  },
}
