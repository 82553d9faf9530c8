import { setImmediate as nextTurn } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { MigrationList } from '../../migrate/migration.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { readLedger, refusePending } from '../../migrate/schema-check.js';
import { type CopiedTable, columnList, orphansSql, quoted } from '../../schema/tables.js';
import { withSnapshot } from '../export/snapshot.js';
import { describeFile } from './describe-file.js';
import { type CopiedRow, copiedRow, notCopied, type SqliteValue } from './row.js';
import type { CopySource, LedgerEntry } from './sides.js';

/** Runs `run` with one state of a file. Throws `SCHEMA_MISMATCH` for another program's. */
export async function withFileSource<Result>(
  path: string,
  list: MigrationList,
  run: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  return await withSnapshot(path, async (db) => {
    const { pending } = readLedger(db, list);
    if (pending.includes(INITIAL_MIGRATION)) refusePending('', pending);
    return await run(new FileSource(db));
  });
}

class FileSource implements CopySource {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return fileLedger(this.#db);
  }

  async describe() {
    return describeFile(this.#db);
  }

  async count({ name }: CopiedTable): Promise<number> {
    return (
      this.#db
        .prepare<[], number>(`select count(*) from ${quoted(name)}`)
        .pluck()
        .get() ?? 0
    );
  }

  async orphan(table: CopiedTable): Promise<string | undefined> {
    const sql = orphansSql(table);
    if (sql === undefined) return undefined;
    const key = this.#db.prepare<[], unknown>(sql).pluck().safeIntegers().get();
    return key === undefined ? undefined : String(key);
  }

  rows(table: CopiedTable) {
    return fileRows(this.#db, table);
  }

  async keyAt({ name, key }: CopiedTable, place: number): Promise<string> {
    const sql = `select ${quoted(key)} from ${quoted(name)} order by rowid limit 1 offset ?`;
    return String(this.#db.prepare<[number], unknown>(sql).pluck().safeIntegers().get(place));
  }

  async lastId(table: CopiedTable): Promise<bigint> {
    return lastFileId(this.#db, table);
  }
}

/** The ledger of a file. */
export function fileLedger(db: Database.Database): LedgerEntry[] {
  return db
    .prepare<[], LedgerEntry>(
      `select cast(id as text) as id, name, cast(applied_at as text) as applied_at
       from migrations order by migrations.id`,
    )
    .all();
}

/** The highest id that a table of a file ever gave. */
export function lastFileId(db: Database.Database, { name, key }: CopiedTable): bigint {
  const last = db
    .prepare<[string], bigint | null>(
      `select max(id) from (select max(${quoted(key)}) as id from ${quoted(name)}
       union all select cast(seq as integer) from sqlite_sequence where name = ?)`,
    )
    .pluck()
    .safeIntegers()
    .get(name);
  return last ?? 0n;
}

/** Characters of a list of rows: few turns of the event loop, little memory. */
const LIST_LENGTH = 128 * 1024;

/**
 * The rows of a file's table in the order of storage, in lists; the event loop runs between two.
 * Throws `CORRUPT_ROW`.
 */
export async function* fileRows(
  db: Database.Database,
  table: CopiedTable,
): AsyncGenerator<readonly CopiedRow[]> {
  const statement = db.prepare<[], SqliteValue[]>(
    `select ${columnList(table)}, rowid from ${quoted(table.name)} order by rowid`,
  );
  const isUtf8 = db.pragma('encoding', { simple: true }) === 'UTF-8';
  const suspects: Suspect[] = [];
  let rows: CopiedRow[] = [];
  let length = 0;
  for (const stored of statement.raw().safeIntegers().iterate()) {
    const row = copiedRow(table, stored);
    for (const [i, value] of row.entries()) {
      length += value?.length ?? 0;
      if (isUtf8 && typeof stored[i] === 'string' && value?.includes(REPLACEMENT) === true) {
        suspects.push({ rowid: stored.at(-1) ?? null, index: i, row });
      }
    }
    rows.push(row);
    if (length < LIST_LENGTH) continue;
    yield rows;
    rows = [];
    length = 0;
    await nextTurn();
  }
  if (rows.length > 0) yield rows;
  // Only now is the connection free for another statement.
  for (const suspect of suspects) assertUtf8(db, table, suspect);
}

/** What the driver reads for bytes that are no UTF-8; it may as well be stored. */
const REPLACEMENT = '\ufffd';

/** A text as it is stored. */
function textOf({ columns }: CopiedTable, row: CopiedRow, index: number): string {
  const text = row[index] ?? '';
  return columns[index]?.kind === 'any' ? text.slice(1) : text;
}

interface Suspect {
  readonly rowid: SqliteValue;
  readonly index: number;
  readonly row: CopiedRow;
}

function assertUtf8(
  db: Database.Database,
  table: CopiedTable,
  { rowid, index, row }: Suspect,
): void {
  const column = table.columns[index]?.name ?? '';
  const bytes = db
    .prepare<[SqliteValue], Buffer>(
      `select cast(${quoted(column)} as blob) from ${quoted(table.name)} where rowid = ?`,
    )
    .pluck()
    .get(rowid);
  if (bytes === undefined || bytes.equals(Buffer.from(textOf(table, row, index)))) return;
  const key = row[table.columns.findIndex(({ name }) => name === table.key)] ?? 'NULL';
  throw notCopied(table, key, `${column} holds text that is no UTF-8`, column);
}
