import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { openWriter } from '../../engine/sqlite/open.js';
import { toldToCaller } from '../../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import { recountTotals } from '../../migrate/recount-totals.js';

/**
 * Counts all totals anew in one transaction; writers wait meanwhile. Throws `BUSY` after
 * `busyTimeoutMs`, changing nothing.
 */
export async function rebuildRollups(path: string, busyTimeoutMs: number): Promise<void> {
  try {
    const db = await openWriter({
      path,
      durability: 'normal',
      busyTimeoutMs,
      operation: '',
      create: false,
    });
    try {
      const rebuild = db.transaction(() => recountTotals(db));
      await retryWhileBusy(() => committing(db, () => rebuild.immediate()), busyTimeoutMs);
    } finally {
      db.close();
    }
  } catch (error) {
    const told = toldToCaller(error, '', path);
    throw isPylonDbError(told, 'BUSY') ? busy(told.waitedMs) : told;
  }
}

function busy(waitedMs: number): PylonDbError<'BUSY'> {
  return new PylonDbError(
    'BUSY',
    `another process held the write lock for ${waitedMs} ms`,
    { waitedMs },
    { operation: '', hint: 'Nothing was repaired. Let it end its transaction, and run it again.' },
  );
}
