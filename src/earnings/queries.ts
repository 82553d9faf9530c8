import { type Params, prepared } from '../engine/prepared.js';
import { EARNING_ROWS } from './earning.js';

/** Reading single earnings; payments are in `payment-queries.ts`, totals in `totals.ts`. */

export const getEarning = prepared(
  'earnings.get',
  (db, p: Params<{ id: string }>) =>
    db.selectFrom('earnings').select(EARNING_ROWS.columns).where('id', '=', p.id),
  EARNING_ROWS,
);

/** Earnings of one job, newest first. */
export const earningsOfJob = prepared(
  'earnings.forJob',
  (db, p: Params<{ job_id: string }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('job_id', '=', p.job_id)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc'),
  EARNING_ROWS,
);

/** The newest earnings first, from all of time. */
export const recentEarnings = prepared(
  'earnings.recent',
  (db, p: Params<{ limit: number }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  EARNING_ROWS,
);

interface Range {
  start: number;
  end: number;
  limit: number;
}

/** Earnings from `start` to `end`, both included, newest first. */
export const earningsInRange = prepared(
  'earnings.inRange',
  (db, p: Params<Range>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('earned_at', '>=', p.start)
      .where('earned_at', '<=', p.end)
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  EARNING_ROWS,
);

/**
 * Earnings from `start` on that stand before the row that ended the page before. There is no other
 * end: planners begin at it, and walk down to the row.
 */
export const earningsInRangeBefore = prepared(
  'earnings.inRange before',
  (db, p: Params<Omit<Range, 'end'> & { earned_at: number; id: string }>) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .where('earned_at', '>=', p.start)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('earned_at', 'id'), '<', tuple(p.earned_at, p.id)),
      )
      .orderBy('earned_at', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  EARNING_ROWS,
);

/** The oldest earning. */
export const firstEarning = prepared(
  'earnings.rollup first',
  (db) =>
    db
      .selectFrom('earnings')
      .select(EARNING_ROWS.columns)
      .orderBy('earned_at')
      .orderBy('id')
      .limit(1),
  EARNING_ROWS,
);
