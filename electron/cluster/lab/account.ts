import { readFileSync } from 'node:fs'

/** Whom the database servers run as. undefined: as ourselves. PostgreSQL refuses to run as root, and the others need it as little. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Only root may become somebody else, and only root must: `postgres` where the machine has it, else `nobody`. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map(line => {
        const [name, , uid, gid] = line.split(':')
        return [name, { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }]
      }),
  )
  return accounts.get('postgres') ?? accounts.get('nobody') ?? { uid: 65_534, gid: 65_534 }
}
