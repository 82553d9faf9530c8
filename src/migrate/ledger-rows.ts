import type Database from 'better-sqlite3';
import { corruptRow } from '../schema/row.js';

/** One row of the ledger, whoever wrote it. */
export interface LedgerRow {
  readonly name: string;
  /** Unix seconds. */
  readonly applied_at: number;
}

/**
 * All rows of the ledger in the order they were applied, other programs' included; none for a file
 * without one. Throws `CORRUPT_ROW` for a row that is no name and time.
 */
export function readLedgerRows(db: Database.Database): LedgerRow[] {
  const ledger = db
    .prepare("select 1 from sqlite_master where type = 'table' and name = 'migrations'")
    .get();
  if (ledger === undefined) return [];
  return db
    .prepare<[], { id: number; name: unknown; applied_at: unknown }>(
      'select id, name, applied_at from migrations order by id',
    )
    .all()
    .map(({ id, name, applied_at }) => {
      if (typeof name !== 'string') throw corrupt('name', id, 'is no text');
      if (!isTime(applied_at)) throw corrupt('applied_at', id, 'is no time');
      return { name, applied_at };
    });
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function corrupt(column: string, id: number, what: string): Error {
  return corruptRow({ table: 'migrations', column, key: String(id) }, what);
}
