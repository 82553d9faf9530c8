import type Database from 'better-sqlite3';
import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { openWriter } from '../../engine/sqlite/open.js';
import { toldToCaller } from '../../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { standInForRollups } from '../../migrate/rollup-views.js';
import { ROLLUP_KEYS, ROLLUP_TABLES } from './rollups.js';
import { build, execute } from './typed-query.js';

/**
 * Counts all totals anew in one transaction; writers wait meanwhile. Throws `BUSY` after
 * `busyTimeoutMs`, changing nothing.
 */
export async function rebuildRollups(path: string, busyTimeoutMs: number): Promise<void> {
  try {
    const db = await openWriter({ path, durability: 'normal', busyTimeoutMs, operation: '' });
    try {
      standInForRollups(db);
      const rebuild = db.transaction(() => recount(db));
      await retryWhileBusy(() => committing(db, () => rebuild.immediate()), busyTimeoutMs);
    } finally {
      db.close();
    }
  } catch (error) {
    const told = toldToCaller(error, '', path);
    throw isPylonDbError(told, 'BUSY') ? busy(told.waitedMs) : told;
  }
}

function recount(db: Database.Database): void {
  const [main, temp] = [build.withSchema('main'), build.withSchema('temp')];
  for (const table of ROLLUP_TABLES) execute(db, main.deleteFrom(table));
  execute(
    db,
    main
      .insertInto('pylon_db_job_totals')
      .columns(['status', 'count'])
      .expression(temp.selectFrom('pylon_db_job_totals').select(['status', 'count'])),
  );
  execute(
    db,
    main
      .insertInto('pylon_db_earning_totals')
      .columns(['source', 'amount_high', 'amount_low', 'count'])
      .expression(
        temp
          .selectFrom('pylon_db_earning_totals')
          .select(['source', 'amount_high', 'amount_low', 'count']),
      ),
  );
  // Triggers update rows, and make none: each source must have one.
  const zero = { amount_high: 0, amount_low: 0, count: 0 };
  const sources = ROLLUP_KEYS.pylon_db_earning_totals.map((source) => ({ source, ...zero }));
  execute(
    db,
    main
      .insertInto('pylon_db_earning_totals')
      .values(sources)
      .onConflict((conflict) => conflict.doNothing()),
  );
  execute(
    db,
    main
      .insertInto('pylon_db_paid_jobs')
      .columns(['id', 'count'])
      .expression(temp.selectFrom('pylon_db_paid_jobs').select(['id', 'count'])),
  );
}

function busy(waitedMs: number): PylonDbError<'BUSY'> {
  return new PylonDbError(
    'BUSY',
    `another process held the write lock for ${waitedMs} ms`,
    { waitedMs },
    { operation: '', hint: 'Nothing was repaired. Let it end its transaction, and run it again.' },
  );
}
