import { sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';
import { ddlSyntax } from './ddl-syntax.js';

// A random UUID that names this database, so that its backups can be told from another one's. A
// copy of the file keeps it: whoever compares also looks at host and path. Made in SQL, so that
// what `migrate plan` prints can be run by hand. Frozen once released.

/** SQLite has no word for a UUID of version 4. */
const SQLITE_UUID = sql`lower(
    hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
    || '-' || hex(randomblob(6)))`;

export async function up({ context: db, engine }: MigrationParams): Promise<void> {
  const { integer, isPostgres } = ddlSyntax(engine);
  const table = db.schema
    .createTable('pylon_db_identity')
    .addColumn('id', integer, (col) => col.notNull().primaryKey().check(sql`id = 1`))
    .addColumn('identity', 'text', (col) => col.notNull());
  // With a rowid SQLite would make up an id, which a server doesn't.
  await (isPostgres ? table : table.modifyEnd(sql`without rowid`)).execute();
  const uuid = isPostgres ? sql`cast(gen_random_uuid() as text)` : SQLITE_UUID;
  await sql`insert into pylon_db_identity (id, identity) values (1, ${uuid})`.execute(db);
}

export async function down({ context: db }: MigrationParams): Promise<void> {
  await db.schema.dropTable('pylon_db_identity').execute();
}
