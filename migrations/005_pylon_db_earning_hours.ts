import type { MigrationParams } from '../src/migrate/migration.js';
import { createIndexes, dropIndexes } from './005-indexes.js';

// What keeps the cost of a claim, a page and a sum the same at any number of rows.

export async function up(params: MigrationParams): Promise<void> {
  await createIndexes(params);
}

export async function down(params: MigrationParams): Promise<void> {
  await dropIndexes(params);
}
