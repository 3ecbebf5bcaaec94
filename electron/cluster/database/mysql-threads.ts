import { CommandLook } from './engines/mysql-commands.ts'

interface Thread {
  readonly owner: string
  readonly number: number
}

/**
 * Clients were greeted by the proxy, before anybody knew which connection of the database would be their own: a KILL that names the
 * greeting's number is told the database's.
 */
export class MysqlThreads {
  readonly #threads = new Map<number, Thread>()

  /** Until the returned function is called. @param owner whose sessions may kill each other: a database and an account of it */
  add(connectionId: number, number: number, owner: string): () => void {
    this.#threads.set(connectionId, { owner, number })
    return () => this.#threads.delete(connectionId)
  }

  /** Follows what one client says. */
  look(owner: string): CommandLook {
    return new CommandLook(connectionId => {
      const thread = this.#threads.get(connectionId)
      return thread?.owner === owner ? thread.number : undefined
    })
  }
}

export const threadOwner = (database: string, databaseUser: string): string => JSON.stringify([database, databaseUser])
