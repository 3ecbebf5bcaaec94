import type { ClientBase } from 'pg'
import { PorticoError } from '../../../shared/errors.ts'

/** Told `REVISION KEY` for each row written and `0 KEY` for each one removed, whoever did it. */
export const CHANNEL = 'portico_items'

/**
 * One entry a version, each run once. Keys are compared byte by byte, so that a prefix is a range of the primary key. Revisions come
 * from one sequence for all keys: also a key that was deleted and made anew never has an old one. `expires` is ms since 1970.
 */
const MIGRATIONS: readonly string[] = [
  `create table portico_items (
     key text collate "C" primary key,
     value jsonb not null,
     revision bigint not null,
     expires double precision
   );
   create index portico_items_expires on portico_items (expires) where expires is not null;
   create sequence portico_revision;
   create function portico_notify() returns trigger language plpgsql as $$
   begin
     if tg_op = 'DELETE' then perform pg_notify('${CHANNEL}', '0 ' || old.key);
     else perform pg_notify('${CHANNEL}', new.revision || ' ' || new.key);
     end if;
     return null;
   end $$;
   create trigger portico_notify after insert or update or delete on portico_items
     for each row execute function portico_notify();`,
]

/** "portico" in ASCII: processes that start at once make the tables one after the other. */
const LOCK = BigInt(`0x${Buffer.from('portico').toString('hex')}`).toString()

/**
 * Makes the tables, or brings them up to this version; tables that are as they should be need no right to create any.
 * @throws PorticoError cluster/config for tables of a newer Portico, or a database that is not UTF-8
 */
export async function migrate(client: ClientBase, database: string): Promise<void> {
  await client.query('begin')
  try {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK])
    const found = await client.query<{ there: boolean; encoding: string }>(
      `select to_regclass('portico_schema') is not null as there, current_setting('server_encoding') as encoding`,
    )
    const { there, encoding } = found.rows[0]!
    if (encoding !== 'UTF8') throw new PorticoError('cluster/config', { why: `${database} has encoding ${encoding}; it must be UTF8` })
    if (!there) await client.query('create table portico_schema (version integer primary key)')
    const known = await client.query<{ version: number }>('select coalesce(max(version), 0) as version from portico_schema')
    const { version } = known.rows[0]!
    if (version > MIGRATIONS.length) throw new PorticoError('cluster/config', { why: `the tables in ${database} are of a newer Portico` })
    for (const [at, statements] of MIGRATIONS.entries()) {
      if (at < version) continue
      await client.query(statements)
      await client.query('insert into portico_schema (version) values ($1)', [at + 1])
    }
    await client.query('commit')
  } catch (thrown) {
    await client.query('rollback').catch(() => undefined) // the connection may be the trouble; its end is a rollback too
    throw thrown
  }
}
