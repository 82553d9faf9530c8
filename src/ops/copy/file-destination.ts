import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { retryWhileBusy } from '../../engine/sqlite/busy.js';
import { committing } from '../../engine/sqlite/failed-commit.js';
import { type ConnectProps, openReader, openWriter, startWal } from '../../engine/sqlite/open.js';
import { toldToCaller } from '../../engine/sqlite/sqlite-errors.js';
import { Migrator } from '../../migrate/migrator.js';
import { readLedger, refusePending } from '../../migrate/schema-check.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { refuseRows } from './empty.js';
import { fileRows } from './file-rows.js';
import { fileLedger, lastFileTickId } from './file-source.js';
import { type CopiedRow, type LinedRow, notCopied } from './row.js';
import type { CopyDestination, LedgerEntry } from './sides.js';
import { COPIED_TABLES, type CopiedTable, columnList } from './tables.js';

/**
 * Migrates the file at `path`, creating it when it is missing, and runs `run` in one transaction,
 * which is committed when it returns. Throws `INVALID_ARGUMENT` for a file that has rows, before
 * anything of it changes.
 */
export async function withFileDestination<Result>(
  path: string,
  run: (destination: CopyDestination) => Promise<Result>,
): Promise<Result> {
  const props: ConnectProps = {
    path,
    // A copy that was acknowledged outlives a power cut.
    durability: 'full',
    busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS,
    operation: '',
  };
  try {
    if (existsSync(path)) await refuseFilled(props);
    const db = await openWriter(props);
    try {
      const { busyTimeoutMs, operation } = props;
      const migrator = new Migrator({ db, path, list: migrations, busyTimeoutMs, operation });
      await migrator.pending();
      await startWal(db, props);
      await migrator.up();
      return await transact(db, path, run);
    } finally {
      db.close();
    }
  } catch (error) {
    throw toldToCaller(error, '', path);
  }
}

async function refuseFilled(props: ConnectProps): Promise<void> {
  const db = await openReader(props);
  try {
    const { applied, pending, isHalfMade } = readLedger(db, migrations, '');
    if (isHalfMade) refusePending('', pending);
    if (applied.length > 0) assertEmpty(db, props.path);
  } finally {
    db.close();
  }
}

function assertEmpty(db: Database.Database, path: string): void {
  const filled = COPIED_TABLES.filter(
    ({ name }) => db.prepare(`select 1 from ${name} limit 1`).get() !== undefined,
  );
  refuseRows(path, filled);
}

async function transact<Result>(
  db: Database.Database,
  path: string,
  run: (destination: CopyDestination) => Promise<Result>,
): Promise<Result> {
  await retryWhileBusy(() => db.exec('begin immediate'), DEFAULT_BUSY_TIMEOUT_MS);
  try {
    assertEmpty(db, path);
    const result = await run(new FileDestination(db));
    committing(db, () => db.exec('commit'));
    return result;
  } catch (error) {
    // SQLite may have done it already: the disk was full.
    if (db.inTransaction) db.exec('rollback');
    throw error;
  }
}

class FileDestination implements CopyDestination {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  async store(table: CopiedTable, rows: AsyncIterable<readonly LinedRow[]>): Promise<void> {
    const places = table.columns.map(() => '?').join(', ');
    // Decimal text becomes an integer in a column of integers, whatever its size.
    const insert = this.#db.prepare<(string | null)[]>(
      `insert into ${table.name} (${columnList(table)}) values (${places})`,
    );
    for await (const list of rows) {
      for (const { row } of list) {
        try {
          insert.run(...row);
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

  async goOnAfter(last: bigint): Promise<void> {
    const own = lastFileTickId(this.#db);
    if (last <= own) return;
    this.#db.prepare("delete from sqlite_sequence where name = 'tick_history'").run();
    this.#db
      .prepare<[bigint]>("insert into sqlite_sequence (name, seq) values ('tick_history', ?)")
      .run(last);
  }
}

/** Names the row, where it was the row's fault. */
function refusal(table: CopiedTable, row: CopiedRow, error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  if (!/^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH)/.test(error.code)) return error;
  const key = row[table.columns.findIndex(({ name }) => name === table.key)] ?? 'NULL';
  return notCopied(table, key, `the file refuses it (${error.code})`, table.key);
}
