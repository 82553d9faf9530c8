import type { MigrationParams } from '../src/migrate/migration.js';
import { createViews, dropViews } from './003_pylon_db_rollups.js';
import { createEarningHours, dropEarningHours } from './005-file-hours.js';
import { createIndexes, dropIndexes } from './005-indexes.js';
import { createServerTotals, dropServerTotals } from './005-server-totals.js';
import { ddlSyntax } from './ddl-syntax.js';

// What keeps the cost of a claim, a page and a sum the same at any number of rows.

export async function up(params: MigrationParams): Promise<void> {
  const { context: db, engine } = params;
  await createIndexes(params);
  await (ddlSyntax(engine).isPostgres ? createServerTotals(db) : createEarningHours(db));
}

export async function down(params: MigrationParams): Promise<void> {
  const { context: db, engine } = params;
  if (ddlSyntax(engine).isPostgres) {
    await dropViews(db);
    await dropServerTotals(db);
    await createViews(db);
  } else {
    await dropEarningHours(db);
  }
  await dropIndexes(params);
}
