import { sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';
import { ddlSyntax } from './ddl-syntax.js';

// Beside the published indexes, for the order of our lists. Frozen once released.

export async function up({ context: db, engine }: MigrationParams): Promise<void> {
  const { isPostgres, integer } = ddlSyntax(engine);
  // Lists by status and the claim of the oldest pending job, in order, without a sort.
  await db.schema
    .createIndex('pylon_db_jobs_status_created')
    .on('jobs')
    .columns(['status', 'created_at', 'id'])
    .execute();
  // An agent's newest ticks in order. SQLite has the rowid, the tick's `id`, at the end of each index.
  await db.schema
    .createIndex('pylon_db_ticks_agent_number')
    .on('tick_history')
    .columns(isPostgres ? ['agent_npub', 'tick_number', 'id'] : ['agent_npub', 'tick_number'])
    .execute();
  // Finds a payment; earnings without a hash cost it nothing.
  await db.schema
    .createIndex('pylon_db_earnings_payment')
    .on('earnings')
    .column('payment_hash')
    .where(sql.ref('payment_hash'), 'is not', null)
    .execute();
  if (!isPostgres) return;
  // What SQLite's one writer at a time gives: each payment locks one of these rows (1024 of them,
  // as payment-lock.ts has it) while it looks whether it stands already.
  await db.schema
    .createTable('pylon_db_locks')
    .addColumn('id', integer, (col) => col.primaryKey())
    .addColumn('taken', integer, (col) => col.notNull().defaultTo(0))
    .execute();
  await sql`insert into pylon_db_locks (id) select generate_series(0, 1023)`.execute(db);
}

export async function down({ context: db, engine }: MigrationParams): Promise<void> {
  if (ddlSyntax(engine).isPostgres) await db.schema.dropTable('pylon_db_locks').execute();
  await db.schema.dropIndex('pylon_db_earnings_payment').execute();
  await db.schema.dropIndex('pylon_db_ticks_agent_number').execute();
  await db.schema.dropIndex('pylon_db_jobs_status_created').execute();
}
