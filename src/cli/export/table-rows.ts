import type Database from 'better-sqlite3';
import { quoted } from '../../schema/tables.js';
import { prepareQuestion } from '../query/read-statement.js';
import { fileRows } from '../shell/row-reader.js';
import { type Chunk, inChunks, type StoredValue } from './chunks.js';
import { csvLine } from './csv.js';
import { csvPage, FIELD_END, ROW_END } from './csv-page.js';
import { type ExportProps, type ExportSource, type TableRows, timeColumnOf } from './parts.js';
import { withSnapshot } from './snapshot.js';

// Raw SQL: the columns are known only from the live file, and the builder has no word for rowid
// and for joining rows into one text.

/** Rows of a page: larger ones weren't faster. */
const PAGE_ROWS = 500;

/** A longer row isn't joined with others, so that a page stays below 8 MB. */
const LONGEST_JOINED_BYTES = 16 * 1024;

/**
 * Runs `work` on one state of a file. Throws what opening and reading throw; what doesn't fit is the
 * file's fault, unless the SQL is that of who asked for it.
 */
export async function withFileSource<Result>(
  path: string,
  { selection }: ExportProps,
  work: (source: ExportSource) => Promise<Result>,
): Promise<Result> {
  const whose = 'sql' in selection ? 'theirs' : 'ours';
  return await withSnapshot(path, (db) => work(fileSource(db)), whose);
}

function fileSource(db: Database.Database): ExportSource {
  return {
    columnsOf: fileRows(db).columnsOf,
    count: (rows) => {
      const sql = `select count(*) from ${quoted(rows.table)} ${whereSince(rows)}`;
      return (
        db
          .prepare<unknown[], number>(sql)
          .pluck()
          .get(...sinceOf(rows)) ?? 0
      );
    },
    rows: (rows) => ({ columns: rows.columns, lists: [eachRow(db, rows)] }),
    question: (sql) => {
      const question = prepareQuestion(db, sql);
      return () => ({
        columns: question.columns().map(({ name }) => name),
        lists: [question.iterate()],
      });
    },
    csvPages: (rows) => csvPages(db, rows),
  };
}

/** The rows in the order in which they were stored, read one by one. */
function* eachRow(db: Database.Database, rows: TableRows): Generator<StoredValue[]> {
  const first = firstRowid(db, rows);
  if (first === undefined) return;
  const sql = `select ${rows.columns.map(quoted).join(', ')} ${fromRowid(rows)}`;
  yield* db
    .prepare<unknown[], StoredValue[]>(sql)
    .raw()
    .safeIntegers()
    .iterate(...bound(rows, first));
}

/** The rows as CSV, in the same order, one page per chunk. */
function* csvPages(db: Database.Database, rows: TableRows): Generator<Chunk> {
  const joined = db.prepare<unknown[], [last: bigint | null, rows: bigint, page: Buffer | null]>(
    joinedPageSql(rows),
  );
  joined.raw().safeIntegers();
  const apart = db.prepare<unknown[], StoredValue[]>(pageSql(rows)).raw().safeIntegers();
  // In UTF-16 the bytes of a page mean something else.
  const isUtf8 = db.pragma('encoding', { simple: true }) === 'UTF-8';
  let next = firstRowid(db, rows);
  while (next !== undefined) {
    const [last, count, page] = joined.get(...bound(rows, next)) ?? [null, 0n, null];
    if (last === null) return;
    const shape = { rows: Number(count), columns: rows.columns.length };
    const csv = page !== null && isUtf8 ? csvPage(page, shape) : undefined;
    if (csv !== undefined) yield { data: csv, rows: shape.rows };
    else yield* inChunks(apart.iterate(...bound(rows, next)), csvLine);
    next = last < LAST_ROWID ? last + 1n : undefined;
  }
}

const LAST_ROWID = 2n ** 63n - 1n;

/**
 * The text of many rows, if none has a BLOB or is long: those are missing in it. SQLite gives
 * rows to an aggregate in the order of the subquery.
 */
function joinedPageSql(rows: TableRows): string {
  const names = rows.columns.map(quoted);
  // Only a BLOB is greater than the empty one; a call of typeof() would cost three times as much.
  const hasBlob = names.map((name) => `${name} >= x''`).join(' or ');
  const line = `concat(${names.join(`, char(${FIELD_END}), `)}, char(${ROW_END}, 10))`;
  return `select max(id), count(*), cast(group_concat(
      iif(octet_length(line) <= ${LONGEST_JOINED_BYTES}, line, null), '') as blob)
    from (select rowid as id, iif(${hasBlob}, null, ${line}) as line
      ${fromRowid(rows)} limit ${PAGE_ROWS})`;
}

/** The same rows apart. Reals are texts as SQLite writes them, the same as in a page. */
function pageSql(rows: TableRows): string {
  const names = rows.columns.map(quoted);
  const values = names.map((name) => `iif(typeof(${name}) = 'real', ${name} || '', ${name})`);
  return `select ${values.join(', ')} ${fromRowid(rows)} limit ${PAGE_ROWS}`;
}

/** Where reading begins: by the index on the time, then it's one walk in the order of storage. */
function firstRowid(db: Database.Database, rows: TableRows): bigint | undefined {
  const sql = `select min(rowid) from ${quoted(rows.table)} ${whereSince(rows)}`;
  const statement = db.prepare<unknown[], bigint | null>(sql).pluck().safeIntegers();
  return statement.get(...sinceOf(rows)) ?? undefined;
}

function whereSince({ table, since }: TableRows): string {
  return since === undefined ? '' : `where ${quoted(timeColumnOf(table))} >= ?`;
}

function fromRowid({ table, since }: TableRows): string {
  // The plus keeps SQLite from the index on the time: rows would have to be sorted in memory.
  const sinceTime = since === undefined ? '' : `and +${quoted(timeColumnOf(table))} >= ?`;
  return `from ${quoted(table)} where rowid >= ? ${sinceTime} order by rowid`;
}

function sinceOf({ since }: TableRows): readonly number[] {
  return since === undefined ? [] : [since];
}

function bound(rows: TableRows, first: bigint): (bigint | number)[] {
  return [first, ...sinceOf(rows)];
}
