import { EARNING_SOURCES, type EarningSource } from '../../generated/db.js';
import type { ReadHandle } from '../engine/engine.js';
import { isPylonDbError, type PylonDbError } from '../errors.js';
import { amountOf, type SourceSum, soundTotals, totalsWithJobs } from './totals.js';

/** A number, or why it can't be given. */
export type Figure = number | PylonDbError;

/** What a summary says, each figure by itself. */
export interface EarningsFigures {
  readonly total_msats: Figure;
  readonly job_count: number;
  readonly by_source: Record<EarningSource, Figure>;
}

/** All earnings ever: where one can't be summed, or a sum is beyond 2^53-1, the other figures stand. */
export async function figuresEver(db: ReadHandle, operation: string): Promise<EarningsFigures> {
  const counted = await db.all(operation, totalsWithJobs({}));
  const sums = await orWhyNot(() => soundTotals(db, operation, totalsWithJobs({})));
  const of = async (...sources: readonly string[]) =>
    sums instanceof Error
      ? sums
      : await orWhyNot(() => amountOf(operation, addedUp(sums, sources)));
  return {
    total_msats: await of(...EARNING_SOURCES),
    job_count: counted[0]?.jobs ?? 0,
    by_source: { job: await of('job'), tip: await of('tip'), other: await of('other') },
  };
}

/** What `ask` gives, or its error about a stored value that can't be given. */
export async function orWhyNot<Answer>(
  ask: () => Answer | Promise<Answer>,
): Promise<Answer | PylonDbError> {
  try {
    return await ask();
  } catch (error) {
    if (isPylonDbError(error, 'OUT_OF_RANGE') || isPylonDbError(error, 'CORRUPT_ROW')) return error;
    throw error;
  }
}

function addedUp(sums: readonly SourceSum[], sources: readonly string[]) {
  const chosen = sums.filter(({ source }) => sources.includes(source));
  return {
    high: chosen.reduce((sum, { high }) => sum + high, 0),
    low: chosen.reduce((sum, { low }) => sum + low, 0),
  };
}
