import { sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';
import { ddlSyntax } from './ddl-syntax.js';

// Indexes of migration 005, in the order of claims and of pages. Frozen once released.

export async function createIndexes({ context: db, engine }: MigrationParams): Promise<void> {
  const { isPostgres } = ddlSyntax(engine);
  // The oldest pending job of a kind, whatever other kinds have waiting. Jobs that are done cost it
  // nothing.
  await db.schema
    .createIndex('pylon_db_jobs_pending_kind')
    .on('jobs')
    .columns(['kind', 'created_at', 'id'])
    .where(sql.ref('status'), '=', sql.lit('pending'))
    .execute();
  if (!isPostgres) return;
  // Pages in their order, also in a second that holds many rows. SQLite sorts these: its file has one
  // writer, which pays for each index.
  await db.schema
    .createIndex('pylon_db_jobs_created_id')
    .on('jobs')
    .columns(['created_at', 'id'])
    .execute();
  await db.schema
    .createIndex('pylon_db_earnings_earned_id')
    .on('earnings')
    .columns(['earned_at', 'id'])
    .execute();
}

export async function dropIndexes({ context: db, engine }: MigrationParams): Promise<void> {
  if (ddlSyntax(engine).isPostgres) {
    await db.schema.dropIndex('pylon_db_earnings_earned_id').execute();
    await db.schema.dropIndex('pylon_db_jobs_created_id').execute();
  }
  await db.schema.dropIndex('pylon_db_jobs_pending_kind').execute();
}
