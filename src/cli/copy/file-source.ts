import type Database from 'better-sqlite3';
import type { MigrationList } from '../../migrate/migration.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { readLedger, refusePending } from '../../migrate/schema-check.js';
import { type CopiedTable, orphansSql, quoted } from '../../schema/tables.js';
import { withSnapshot } from '../export/snapshot.js';
import { describeFile } from './describe-file.js';
import { fileRows } from './file-rows.js';
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
