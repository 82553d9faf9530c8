import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { PUBLISHED_TABLES } from '../../migrate/published-schema.js';
import { INITIAL_MIGRATION, readLedger, refusePending } from '../../migrate/schema-check.js';
import { withSnapshot } from '../export/snapshot.js';
import { fileRows } from './file-rows.js';
import type { CopySource, LedgerEntry } from './sides.js';
import { COPIED_TABLES, type CopiedTable, orphansSql } from './tables.js';

/** Runs `run` with one state of a file. Throws `SCHEMA_MISMATCH` for another program's. */
export async function withFileSource<Result>(
  path: string,
  run: (source: CopySource) => Promise<Result>,
): Promise<Result> {
  return await withSnapshot(path, async (db) => {
    const { pending } = readLedger(db, migrations, '');
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

  async others() {
    const tables = this.#db
      .prepare<[string], string>(
        `select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
         and name not like 'pylon\\_db\\_%' escape '\\'
         and name not in (select value from json_each(?)) order by name`,
      )
      .pluck()
      .all(JSON.stringify(PUBLISHED_TABLES));
    const ofTable = this.#db
      .prepare<[string], string>('select name from pragma_table_xinfo(?)')
      .pluck();
    const columns = COPIED_TABLES.flatMap((table) =>
      ofTable
        .all(table.name)
        .filter((name) => !table.columns.some((column) => column.name === name))
        .map((name) => `${table.name}.${name}`),
    );
    return { tables, columns };
  }

  async count({ name }: CopiedTable): Promise<number> {
    return this.#db.prepare<[], number>(`select count(*) from ${name}`).pluck().get() ?? 0;
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
    const sql = `select ${key} from ${name} order by rowid limit 1 offset ?`;
    return String(this.#db.prepare<[number], unknown>(sql).pluck().safeIntegers().get(place));
  }

  async lastTickId(): Promise<bigint> {
    return lastFileTickId(this.#db);
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

/** The highest tick id that a file ever gave. */
export function lastFileTickId(db: Database.Database): bigint {
  const last = db
    .prepare<[], bigint | null>(
      `select max(id) from (select max(id) as id from tick_history
       union all select cast(seq as integer) from sqlite_sequence where name = 'tick_history')`,
    )
    .pluck()
    .safeIntegers()
    .get();
  return last ?? 0n;
}
