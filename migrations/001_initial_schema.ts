import { sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';

// The published schema to the letter (SPEC.md): other programs share these tables. Frozen.
// It has no `down`: that would drop everybody's preimages.

// The builder writes DEFAULT before NOT NULL; SPEC.md has it after, and so must we.
const DEFAULT_NOW = sql`default (unixepoch())`;
const DEFAULT_ZERO = sql`default 0`;

export async function up({ context: db }: MigrationParams): Promise<void> {
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('id', 'integer', (col) => col.primaryKey())
    .addColumn('name', 'text', (col) => col.notNull().unique())
    .addColumn('applied_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .execute();

  await db.schema
    .createTable('jobs')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('kind', 'integer', (col) => col.notNull())
    .addColumn('customer_pubkey', 'text', (col) => col.notNull())
    .addColumn('status', 'text', (col) =>
      col
        .notNull()
        .check(sql`status in ('pending', 'processing', 'completed', 'failed', 'cancelled')`),
    )
    .addColumn('price_msats', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_ZERO))
    .addColumn('input_hash', 'text')
    .addColumn('output_hash', 'text')
    .addColumn('error_message', 'text')
    .addColumn('started_at', 'integer', (col) => col.notNull())
    .addColumn('completed_at', 'integer')
    .addColumn('created_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .execute();
  await db.schema.createIndex('idx_jobs_status').on('jobs').column('status').execute();
  await db.schema.createIndex('idx_jobs_customer').on('jobs').column('customer_pubkey').execute();
  await db.schema.createIndex('idx_jobs_created').on('jobs').column('created_at').execute();

  await db.schema
    .createTable('earnings')
    .addColumn('id', 'text', (col) => col.primaryKey())
    .addColumn('job_id', 'text', (col) => col.references('jobs.id'))
    .addColumn('amount_msats', 'integer', (col) => col.notNull())
    .addColumn('source', 'text', (col) =>
      col.notNull().check(sql`source in ('job', 'tip', 'other')`),
    )
    .addColumn('payment_hash', 'text')
    .addColumn('preimage', 'text')
    .addColumn('earned_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .execute();
  await db.schema.createIndex('idx_earnings_job').on('earnings').column('job_id').execute();
  await db.schema.createIndex('idx_earnings_date').on('earnings').column('earned_at').execute();

  await db.schema
    .createTable('agents')
    .addColumn('npub', 'text', (col) => col.primaryKey())
    .addColumn('name', 'text', (col) => col.notNull())
    .addColumn('lifecycle_state', 'text', (col) =>
      col.notNull().check(sql`lifecycle_state in ('embryonic', 'active', 'dormant', 'terminated')`),
    )
    .addColumn('balance_sats', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_ZERO))
    .addColumn('tick_count', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_ZERO))
    .addColumn('last_tick_at', 'integer')
    .addColumn('memory_json', 'text')
    .addColumn('goals_json', 'text')
    .addColumn('created_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .addColumn('updated_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .execute();
  await db.schema.createIndex('idx_agents_state').on('agents').column('lifecycle_state').execute();

  await db.schema
    .createTable('tick_history')
    .addColumn('id', 'integer', (col) => col.primaryKey().autoIncrement())
    .addColumn('agent_npub', 'text', (col) => col.notNull().references('agents.npub'))
    .addColumn('tick_number', 'integer', (col) => col.notNull())
    .addColumn('prompt_tokens', 'integer')
    .addColumn('completion_tokens', 'integer')
    .addColumn('actions_json', 'text')
    .addColumn('cost_sats', 'integer')
    .addColumn('duration_ms', 'integer')
    .addColumn('created_at', 'integer', (col) => col.notNull().modifyEnd(DEFAULT_NOW))
    .execute();
  await db.schema
    .createIndex('idx_tick_history_agent')
    .on('tick_history')
    .column('agent_npub')
    .execute();
  await db.schema
    .createIndex('idx_tick_history_date')
    .on('tick_history')
    .column('created_at')
    .execute();
}
