import { postgresDatabases } from '../../electron/cluster/lab/lab-databases.ts'
import { partsHere } from '../../electron/cluster/lab/lab-parts.ts'

/** What a lab announces on this machine, in order: three in PostgreSQL, and one a server that the system has. */
export const LAB_NAMES: readonly string[] = [...postgresDatabases(1), ...partsHere().map(({ database }) => database)]
  .map(({ name }) => name)
  .toSorted()
