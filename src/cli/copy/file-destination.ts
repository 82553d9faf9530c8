import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { type ConnectProps, openReader, openWriter, startWal } from '../../engine/sqlite/open.js';
import { toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import { Migrator } from '../../migrate/migrator.js';
import { readLedger, refusePending } from '../../migrate/schema-check.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { type CopiedTable, columnList, DATA_TABLES, quoted } from '../../schema/tables.js';
import { describeFile } from './describe-file.js';
import { fileLedger, fileRows, lastFileId } from './file-source.js';
import { planOf, type RunCopy } from './plan.js';
import { type CopiedRow, type FileValue, type LinedRow, notCopied, storedValue } from './row.js';
import {
  type CopyDestination,
  type CopyRequest,
  isOwnTable,
  type LedgerEntry,
  type Named,
  refuseRows,
  toFill,
} from './sides.js';

/**
 * Migrates the file at `path`, creating it when it is missing, and runs `run` in one transaction,
 * which is committed when it returns. Throws `INVALID_ARGUMENT` for a file that has rows, before
 * anything of it changes.
 */
export async function withFileDestination<Result>(
  path: string,
  request: CopyRequest,
  run: RunCopy<Result>,
): Promise<Result> {
  const props: ConnectProps = {
    path,
    // A copy that was acknowledged outlives a power cut.
    durability: 'full',
    busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
  };
  try {
    if (existsSync(path)) await refuseFilled(props, request);
    const db = await openWriter(props);
    try {
      const { busyTimeoutMs, operation } = props;
      const migrator = new Migrator({ db, path, list: request.list, busyTimeoutMs, operation });
      await migrator.pending();
      await startWal(db, props);
      const isFresh = (await migrator.up()).length > 0;
      return await transact(db, path, { ...request, isFresh }, run);
    } finally {
      db.close();
    }
  } catch (error) {
    throw toPylonDbError(error, path);
  }
}

async function refuseFilled(props: ConnectProps, request: CopyRequest): Promise<void> {
  const db = await openReader(props);
  try {
    const { applied, pending, isHalfMade } = readLedger(db, request.list);
    if (isHalfMade) refusePending('', pending);
    if (applied.length > 0) assertEmpty(db, props.path, toFill(request, describeFile(db)));
  } finally {
    db.close();
  }
}

function assertEmpty(db: Database.Database, path: string, tables: readonly Named[]): void {
  const filled = tables.filter(
    ({ name }) => db.prepare(`select 1 from ${quoted(name)} limit 1`).get() !== undefined,
  );
  refuseRows(path, filled);
}

async function transact<Result>(
  db: Database.Database,
  path: string,
  { source, isFresh }: CopyRequest & { readonly isFresh: boolean },
  run: RunCopy<Result>,
): Promise<Result> {
  await retryWhileBusy(() => db.exec('begin immediate'), DEFAULT_BUSY_TIMEOUT_MS);
  try {
    // Tables may refer to each other in a ring.
    db.pragma('defer_foreign_keys = 1');
    const plan = source === undefined ? DATA_TABLES : planOf(source, describeFile(db));
    assertEmpty(db, path, isFresh ? DATA_TABLES : plan);
    // What migrations put into new tables is in the source too, or was deleted there.
    for (const { name } of plan.filter(isOwnTable)) db.exec(`delete from ${quoted(name)}`);
    const result = await run(new FileDestination(db), plan);
    refuseOrphans(db, plan.filter(isOwnTable));
    committing(db, () => db.exec('commit'));
    return result;
  } catch (error) {
    // SQLite may have done it already: the disk was full.
    if (db.inTransaction) db.exec('rollback');
    throw error;
  }
}

/** Throws `CORRUPT_ROW` for a service's row whose parent is missing: COMMIT would name none. */
function refuseOrphans(db: Database.Database, tables: readonly CopiedTable[]): void {
  const orphan = db.prepare<[string], { rowid: bigint; parent: string }>(
    'select rowid, parent from pragma_foreign_key_check(?) limit 1',
  );
  for (const table of tables) {
    const found = orphan.safeIntegers().get(table.name);
    if (found === undefined) continue;
    const key = db
      .prepare<[bigint], unknown>(
        `select ${quoted(table.key)} from ${quoted(table.name)} where rowid = ?`,
      )
      .pluck()
      .safeIntegers()
      .get(found.rowid);
    throw notCopied(table, String(key), `it names nothing in ${found.parent}`, table.key);
  }
}

class FileDestination implements CopyDestination {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  async store(table: CopiedTable, rows: AsyncIterable<readonly LinedRow[]>): Promise<void> {
    const places = table.columns.map(() => '?').join(', ');
    const insert = this.#db.prepare<FileValue[]>(
      `insert into ${quoted(table.name)} (${columnList(table)}) values (${places})`,
    );
    for await (const list of rows) {
      for (const { row } of list) {
        try {
          insert.run(...row.map((value, i) => storedValue(table.columns[i], value)));
        } catch (error) {
          throw refusal(table, row, error);
        }
      }
    }
  }

  rows(table: CopiedTable) {
    return fileRows(this.#db, table);
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    return fileLedger(this.#db);
  }

  async replaceLedger(entries: readonly LedgerEntry[]): Promise<void> {
    const remove = this.#db.prepare<[string]>('delete from migrations where name = ?');
    const insert = this.#db.prepare<[string, string, string]>(
      'insert into migrations (id, name, applied_at) values (?, ?, ?)',
    );
    for (const { name } of entries) remove.run(name);
    for (const { id, name, applied_at } of entries) insert.run(id, name, applied_at);
  }

  async goOnAfter(table: CopiedTable, last: bigint): Promise<void> {
    const own = lastFileId(this.#db, table);
    if (last <= own || !this.#isCounted(table)) return;
    this.#db.prepare<[string]>('delete from sqlite_sequence where name = ?').run(table.name);
    this.#db
      .prepare<[string, bigint]>('insert into sqlite_sequence (name, seq) values (?, ?)')
      .run(table.name, last);
  }

  #isCounted({ name }: Named): boolean {
    const sql = this.#db.prepare<[string], string>('select sql from sqlite_master where name = ?');
    return /\bautoincrement\b/i.test(sql.pluck().get(name) ?? '');
  }
}

/** Names the row, where it was the row's fault. */
function refusal(table: CopiedTable, row: CopiedRow, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (!/^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH)/.test(error.code)) return error;
  const key = row[table.columns.findIndex(({ name }) => name === table.key)] ?? 'NULL';
  return notCopied(table, key, `the file refuses it (${error.code})`, table.key);
}
