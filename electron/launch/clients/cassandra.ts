import { option, type DatabaseClient } from '../client-target.ts'

/** The agent looks at the user name only; cqlsh asks for a password, and any will do. Teleport: lib/client/db/dbcmd */
export const CQLSH: DatabaseClient = {
  programs: ['cqlsh'],
  install: { linux: 'cqlsh (pipx, or cassandra-tools)', darwin: 'cassandra (Homebrew)', win32: 'cqlsh (pipx)' },
  args: ({ address, databaseUser, databaseName }) => [
    ...option('-u', databaseUser),
    ...option('-k', databaseName),
    address.host,
    String(address.port),
  ],
  environment: ({ address }) => ({ CQLSH_HOST: address.host, CQLSH_PORT: String(address.port) }),
}
