import type { MigrationParams } from '../src/migrate/migration.js';
import { createEarningHours, dropEarningHours } from './005-file-hours.js';
import { createIndexes, dropIndexes } from './005-indexes.js';
import { ddlSyntax } from './ddl-syntax.js';

// What keeps the cost of a claim, a page and a sum the same at any number of rows.

export async function up(params: MigrationParams): Promise<void> {
  await createIndexes(params);
  if (!ddlSyntax(params.engine).isPostgres) await createEarningHours(params.context);
}

export async function down(params: MigrationParams): Promise<void> {
  if (!ddlSyntax(params.engine).isPostgres) await dropEarningHours(params.context);
  await dropIndexes(params);
}
