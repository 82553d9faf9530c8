import type Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import { SECRET } from './tables.js';

// Names in the SQL prove nothing: a view, an alias, an expression or a condition may read the
// column. What SQLite compiled the query to does: a column is read by the instruction Column, from
// a cursor that was opened on the root page of its table or of an index.

interface Instruction {
  readonly opcode: string;
  readonly p1: number;
  readonly p2: number;
}

/** Instructions that read a whole row. */
const READS_ROW = new Set(['RowData', 'RowCell']);

/**
 * Throws `INVALID_ARGUMENT` when a query would read a preimage, in its result or on the way to it.
 * Copies that others made in tables of their own can't be known.
 */
export function refusePreimages(db: Database.Database, sql: string): void {
  if (!readsPreimages(db, sql)) return;
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `the query reads ${SECRET.table}.${SECRET.column}`,
    { field: 'sql' },
    { operation: '', hint: 'Name the columns without it, or add --include-secrets.' },
  );
}

function readsPreimages(db: Database.Database, sql: string): boolean {
  const program = db.prepare<[], Instruction>(`explain ${sql}`).all();
  const { table, column, indexes } = secretPlaces(db);
  const cursors = new Set<number>();
  for (const { opcode, p1, p2 } of program) {
    // Such a table reads others by itself.
    if (opcode === 'VOpen' && hasVirtualTables(db)) return true;
    if (opcode !== 'OpenRead' && opcode !== 'ReopenIdx') continue;
    if (indexes.has(p2)) return true;
    if (p2 === table) cursors.add(p1);
  }
  return program.some(
    ({ opcode, p1, p2 }) =>
      cursors.has(p1) && ((opcode === 'Column' && p2 === column) || READS_ROW.has(opcode)),
  );
}

interface SecretPlaces {
  /** The root page of the table. */
  readonly table: number | undefined;
  /** Where the column stands in its rows. */
  readonly column: number | undefined;
  /** Root pages of the indexes that hold the column, or an expression that may. */
  readonly indexes: ReadonlySet<number>;
}

function secretPlaces(db: Database.Database): SecretPlaces {
  const root = db.prepare<[string], number>('select rootpage from sqlite_master where name = ?');
  const position = db.prepare<[string, string], number>(
    'select cid from pragma_table_info(?) where name = ?',
  );
  const indexes = db
    .prepare<[string, string], number>(
      `select distinct m.rootpage from pragma_index_list(?) i join sqlite_master m on m.name = i.name
       join pragma_index_xinfo(i.name) c where c.name = ? or c.cid = -2`,
    )
    .pluck();
  return {
    table: root.pluck().get(SECRET.table),
    column: position.pluck().get(SECRET.table, SECRET.column),
    indexes: new Set(indexes.all(SECRET.table, SECRET.column)),
  };
}

function hasVirtualTables(db: Database.Database): boolean {
  const sql = "select 1 from sqlite_master where sql like 'create virtual table%' limit 1";
  return db.prepare(sql).get() !== undefined;
}
