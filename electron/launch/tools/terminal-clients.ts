import type { Tool } from '../tool.ts'

const client = (id: string, title: string, protocols: readonly string[]): Tool => ({
  id,
  title,
  protocols,
  start: () => ({ how: 'terminal' }),
})

/** The databases' own clients, in the user's terminal. */
export const TERMINAL_CLIENTS: readonly Tool[] = [
  client('psql', 'psql', ['postgres', 'cockroachdb']),
  client('mysql', 'mysql', ['mysql']),
  client('mongosh', 'mongosh', ['mongodb']),
  client('redis-cli', 'redis-cli', ['redis']),
]
