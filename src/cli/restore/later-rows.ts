import type Database from 'better-sqlite3';
import { isMisfit } from '../../engine/sqlite/sqlite-errors.js';

/** Rows that are later than a backup: what a restore takes out of the database. */
export type LaterRows = Readonly<Record<'jobs' | 'earnings' | 'ticks', number>>;

/** A job that was created before and changed since counts as well. */
const SQL = `select
  (select count(*) from jobs where max(created_at, started_at, coalesce(completed_at, 0)) >= $at) as jobs,
  (select count(*) from earnings where earned_at >= $at) as earnings,
  (select count(*) from tick_history where created_at >= $at) as ticks`;

/**
 * Counts the rows of `live` that are later than `backup`, which was made at `at`, in unix seconds;
 * `undefined` where another program's tables stand. Those of that second, and of a clock that was
 * wrong, the backup may hold too.
 */
export function laterRows(
  live: Database.Database,
  backup: Database.Database,
  at: number,
): LaterRows | undefined {
  try {
    const [there, kept] = [countFrom(live, at), countFrom(backup, at)];
    return {
      jobs: Math.max(0, there.jobs - kept.jobs),
      earnings: Math.max(0, there.earnings - kept.earnings),
      ticks: Math.max(0, there.ticks - kept.ticks),
    };
  } catch (error) {
    if (isMisfit(error)) return undefined;
    throw error;
  }
}

function countFrom(db: Database.Database, at: number): LaterRows {
  const counted = db.prepare<[{ at: number }], LaterRows>(SQL).get({ at });
  return counted ?? { jobs: 0, earnings: 0, ticks: 0 };
}
