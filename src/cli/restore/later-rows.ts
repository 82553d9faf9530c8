import type Database from 'better-sqlite3';
import { isMisfit } from '../../engine/sqlite/sqlite-errors.js';
import { EARNINGS, JOBS, type PublishedTable, TICK_HISTORY } from '../../schema/tables.js';

/** Rows that a backup lacks or has otherwise: what a restore takes out of the database. */
export type LaterRows = Readonly<Record<'jobs' | 'earnings' | 'ticks', number>>;

/**
 * Counts the rows of `live` that `backup` lacks or has otherwise, whatever the clocks of both said;
 * `undefined` where another program's tables stand. Reads both once, in the order of their keys.
 */
export function laterRows(
  live: Database.Database,
  backup: Database.Database,
): LaterRows | undefined {
  const count = (table: PublishedTable) => countOnlyIn(rowsOf(live, table), rowsOf(backup, table));
  try {
    return { jobs: count(JOBS), earnings: count(EARNINGS), ticks: count(TICK_HISTORY) };
  } catch (error) {
    if (isMisfit(error)) return undefined;
    throw error;
  }
}

type Key = Buffer | bigint;
type Row = readonly [key: Key, contents: string];

/** Text keys as bytes: that is the order in which SQLite gives them. */
function rowsOf(
  db: Database.Database,
  { name, key, columns }: PublishedTable,
): IterableIterator<Row> {
  const isText = columns.some((column) => column.name === key && column.kind === 'text');
  const bytes = isText ? `coalesce(cast(${key} as blob), x'')` : key;
  const contents = columns.map((column) => `quote(${column.name})`).join(` || ',' || `);
  const statement = db.prepare<[], Row>(
    `select ${bytes}, ${contents} from ${name} order by ${key}`,
  );
  return statement.raw().safeIntegers().iterate();
}

function countOnlyIn(live: Iterable<Row>, backup: IterableIterator<Row>): number {
  let count = 0;
  try {
    let kept = backup.next();
    for (const [key, contents] of live) {
      while (kept.done !== true && compare(kept.value[0], key) < 0) kept = backup.next();
      if (kept.done === true || compare(kept.value[0], key) > 0 || kept.value[1] !== contents) {
        count += 1;
      }
    }
    return count;
  } finally {
    // Until it ends, nothing else runs on its connection, and it can't be closed.
    backup.return?.();
  }
}

function compare(one: Key, other: Key): number {
  if (Buffer.isBuffer(one) && Buffer.isBuffer(other)) return Buffer.compare(one, other);
  return one < other ? -1 : Number(one > other);
}
