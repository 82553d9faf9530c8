import { sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';

// Beside the published indexes, for the order of our lists. Frozen once released.

export async function up({ context: db }: MigrationParams): Promise<void> {
  // Lists by status and the claim of the oldest pending job, in order, without a sort.
  await db.schema
    .createIndex('pylon_db_jobs_status_created')
    .on('jobs')
    .columns(['status', 'created_at', 'id'])
    .execute();
  // An agent's newest ticks in order; the rowid at the end of every index is the tick's `id`.
  await db.schema
    .createIndex('pylon_db_ticks_agent_number')
    .on('tick_history')
    .columns(['agent_npub', 'tick_number'])
    .execute();
  // Finds a payment; earnings without a hash cost it nothing.
  await db.schema
    .createIndex('pylon_db_earnings_payment')
    .on('earnings')
    .column('payment_hash')
    .where(sql.ref('payment_hash'), 'is not', null)
    .execute();
}

export async function down({ context: db }: MigrationParams): Promise<void> {
  await db.schema.dropIndex('pylon_db_earnings_payment').execute();
  await db.schema.dropIndex('pylon_db_ticks_agent_number').execute();
  await db.schema.dropIndex('pylon_db_jobs_status_created').execute();
}
