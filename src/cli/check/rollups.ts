import type Database from 'better-sqlite3';
import { EARNING_SOURCES, JOB_STATUSES } from '../../../generated/db.js';
import { compilingKysely } from '../../engine/sqlite/kysely-dialect.js';
import { countFromRows } from '../../migrate/rollup-views.js';
import { counted } from '../shell/units.js';
import { sumInWords, wrongHours } from './earning-hours.js';
import { type Finding, findingsOf, Tally } from './finding.js';

/** The tables of totals that `--repair` counts anew. */
export const ROLLUP_TABLES = [
  'pylon_db_job_totals',
  'pylon_db_earning_totals',
  'pylon_db_paid_jobs',
] as const;
type RollupTable = (typeof ROLLUP_TABLES)[number];

/** The keys of each: of the statuses and sources that are none, `invalid` counts the rows. */
const ROLLUP_KEYS: Readonly<Record<RollupTable, readonly string[]>> = {
  pylon_db_job_totals: [...JOB_STATUSES, 'invalid'],
  pylon_db_earning_totals: [...EARNING_SOURCES, 'invalid'],
  pylon_db_paid_jobs: ['1'],
};

/** Where the totals stand, and where TEMP views of the same names count them anew. */
type Source = 'main' | 'temp';

/**
 * Compares the totals that triggers keep with the rows themselves. The connection gets TEMP views,
 * so nothing else may ask it for totals.
 */
export function checkRollups(db: Database.Database): Finding[] {
  // A snapshot refuses them; the connection itself can't write.
  db.pragma('query_only = 0');
  countFromRows(db, true);
  const tally = new Tally();
  for (const table of ROLLUP_TABLES) {
    const stored = totalsOf(db, 'main', table);
    const fresh = totalsOf(db, 'temp', table);
    for (const key of new Set([...ROLLUP_KEYS[table], ...stored.keys()])) {
      const [says, is] = [stored.get(key) ?? 'nothing', fresh.get(key) ?? NOTHING[table]];
      if (says !== is) tally.add(`${table} ${key}: says ${says}, the rows give ${is}`);
    }
  }
  for (const { name, says, is } of wrongHours(db)) {
    tally.add(`${name}: says ${says}, the rows give ${is}`);
  }
  return findingsOf(tally, {
    check: 'rollups',
    problem: `${counted(tally.count, 'total')} not equal to what the rows give`,
    mend: 'Run `pylon-db check --repair`: it counts them anew.',
    repairable: true,
  });
}

/** What a table says of a key that no row has. */
const NOTHING: Readonly<Record<RollupTable, string>> = {
  pylon_db_job_totals: '0',
  pylon_db_earning_totals: '0 msats in 0',
  pylon_db_paid_jobs: '0',
};

/** Each key's total in words, exact at any size. */
function totalsOf(db: Database.Database, source: Source, table: RollupTable): Map<string, string> {
  const { sql } = queryOf(source, table).compile();
  const rows = db.prepare<[], unknown[]>(sql).raw().safeIntegers().all();
  return new Map(rows.map(([key, ...numbers]) => [String(key), inWords(String(key), numbers)]));
}

function queryOf(source: Source, table: RollupTable) {
  const from = compilingKysely().withSchema(source);
  switch (table) {
    case 'pylon_db_job_totals':
      return from.selectFrom(table).select(['status', 'count']);
    case 'pylon_db_earning_totals':
      return from.selectFrom(table).select(['source', 'amount_high', 'amount_low', 'count']);
    case 'pylon_db_paid_jobs':
      return from.selectFrom(table).select(['id', 'count']);
  }
}

function inWords(key: string, numbers: readonly unknown[]): string {
  const [count] = numbers;
  if (numbers.length > 1) return sumInWords(key, numbers);
  return typeof count === 'bigint' ? String(count) : 'what is not an integer';
}
