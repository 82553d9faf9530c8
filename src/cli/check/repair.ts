import { migrations } from '../../../migrations/index.js';
import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { openWriter } from '../../engine/sqlite/open.js';
import { isMisfit, toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import {
  findOwnObjects,
  keepsTotals,
  recountTotals,
  repairOwnObjects,
} from '../../migrate/own-objects.js';

/** What a repair did. */
export interface Repaired {
  /** The names of our own objects that were missing or changed, and were made again. */
  readonly objects: readonly string[];
  readonly rollups: boolean;
}

/**
 * Makes our own objects again, and counts all totals where they may be wrong or `recounts`, in one
 * transaction; writers wait meanwhile. Changes nothing where a published table doesn't fit. Throws
 * `BUSY` after `busyTimeoutMs`, changing nothing.
 */
export async function repair(
  path: string,
  recounts: boolean,
  busyTimeoutMs: number,
): Promise<Repaired> {
  try {
    const db = await openWriter({
      path,
      durability: 'normal',
      busyTimeoutMs,
      create: false,
    });
    try {
      const work = db.transaction((): Repaired => {
        const { broken } = findOwnObjects(db, Object.keys(migrations));
        repairOwnObjects(db, broken);
        const isCounted = broken.some(keepsTotals);
        if (recounts && !isCounted) recountTotals(db);
        return { objects: broken.map(({ name }) => name), rollups: recounts || isCounted };
      });
      return await retryWhileBusy(() => committing(db, () => work.immediate()), busyTimeoutMs);
    } finally {
      db.close();
    }
  } catch (error) {
    // A published table is gone or another: what stands on it can't be made, and check reports why.
    if (isMisfit(error)) return { objects: [], rollups: false };
    const reported = toPylonDbError(error, path);
    throw isPylonDbError(reported, 'BUSY') ? busy(reported.waitedMs) : reported;
  }
}

function busy(waitedMs: number): PylonDbError<'BUSY'> {
  return new PylonDbError(
    'BUSY',
    `another process held the write lock for ${waitedMs} ms`,
    { waitedMs },
    { hint: 'Nothing was repaired. Let it end its transaction, and run it again.' },
  );
}
