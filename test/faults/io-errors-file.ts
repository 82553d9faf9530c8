import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import Database from 'better-sqlite3';
import type { PylonDb } from '../../src/index.js';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';

// The file that io-errors-sweep.ts works on: what is written to it, and what must be in it.

/** Pages enough for several writes of each commit. */
export const LONG = 'x'.repeat(20_000);

/** One write: the jobs that it pays, all or none, and how it ended: `done`, or an error's code. */
export interface Write {
  readonly jobs: readonly string[];
  readonly end: string;
}

/** Pays a job of the file, in several statements on several pages. */
export async function pay(db: Pick<PylonDb, 'jobs'>, id: string): Promise<void> {
  const payment = { output_hash: LONG, price_msats: 1000 };
  await db.jobs.completeWithPayment(id, payment);
}

/** Runs `look` on a connection of its own. */
export function inFile<Result>(path: string, look: (db: Database.Database) => Result): Result {
  const db = new Database(path);
  try {
    return look(db);
  } finally {
    db.close();
  }
}

/** Runs `look` on what the file holds once all its processes died. */
export function afterCrash<Result>(path: string, look: (db: Database.Database) => Result): Result {
  const copy = join(path, '../../crashed');
  // By another process: closing the file in this one would drop SQLite's locks on it. Without the
  // -shm, which nobody keeps when the last process dies.
  const script = `rm -rf '${copy}' && mkdir '${copy}' && cp '${path}' '${path}'-[wj]* '${copy}'`;
  spawnSync('sh', ['-c', script], { env: {} });
  return inFile(join(copy, 'pylon.db'), look);
}

/** What doesn't fit: a write is whole or absent, there when acknowledged and absent when refused. */
export function misfits(db: Database.Database, writes: readonly Write[]): string[] {
  const parts = db
    .prepare<[string], number>(
      `select (status = 'completed') + (select count(*) from earnings where job_id = jobs.id)
       from jobs where id = ?`,
    )
    .pluck();
  const found = writes.flatMap(({ jobs, end }) => {
    const stored = jobs.map((id) => parts.get(id));
    const isWhole = stored.every((count) => count === 2);
    const isAbsent = stored.every((count) => count === 0);
    const fits = (isWhole && end === 'done') || (isAbsent && end !== 'done');
    // Whole or absent, but nobody said which.
    const mayFit = end === 'COMMIT_UNKNOWN' && isWhole;
    return fits || mayFit ? [] : [`jobs ${jobs} that ended as ${end} have ${stored} parts`];
  });
  return [...found, ...unsound(db)];
}

/** What is wrong with the file itself, or with its totals. */
export function unsound(db: Database.Database): string[] {
  const integrity = String(db.pragma('integrity_check', { simple: true }));
  return [...(integrity === 'ok' ? [] : [integrity]), ...(areTotalsRight(db) ? [] : ['totals'])];
}

export function areTotalsRight(db: Database.Database): boolean {
  return isDeepStrictEqual(rollupTotals(db), freshTotals(db));
}

/** All rows that programs share, as one text. */
export function rowsOf(db: Database.Database): string {
  const tables = ['jobs', 'earnings', 'agents', 'tick_history', 'migrations'];
  return JSON.stringify(tables.map((table) => db.prepare(`select * from ${table}`).all()));
}
