import { existsSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { openReader, openWriter, startWal } from '../../engine/sqlite/open.js';
import { toPylonDbError } from '../../engine/sqlite/sqlite-errors.js';
import { appliedInFile, findFileDrift } from '../../migrate/file-drift.js';
import { readLedgerRows } from '../../migrate/ledger.js';
import type { MigrationList } from '../../migrate/migration.js';
import { Migrator } from '../../migrate/migrator.js';
import { readLedger } from '../../migrate/schema-check.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { assertFile, assertFileOrMissing } from '../shell/settings.js';
import type { DatabaseMigrations, Direction } from './database.js';

type Work<Result> = (db: Database.Database) => Promise<Result>;

/** The migrations of an SQLite file. */
export class FileMigrations implements DatabaseMigrations {
  readonly #list: MigrationList;
  readonly #props;

  constructor(path: string, list: MigrationList) {
    this.#list = list;
    this.#props = { path, durability: 'normal', busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS } as const;
  }

  isMissing(): boolean {
    assertFileOrMissing(this.#props.path);
    return !existsSync(this.#props.path);
  }

  async ledger() {
    return await this.#reading(async (db) => {
      const { pending } = readLedger(db, this.#list);
      return { rows: readLedgerRows(db), pending };
    });
  }

  async verify() {
    return await this.#reading(async (db) => {
      const applied = await appliedInFile(db, this.#list);
      return { applied, drift: await findFileDrift(db, this.#list, applied) };
    });
  }

  async migrate<Result>(
    direction: Direction,
    run: (migrator: Migrator) => Promise<Result>,
  ): Promise<Result> {
    const create = direction === 'up';
    const migrate = async () => {
      const db = await openWriter({ ...this.#props, create });
      return await this.#closing(db, async () => {
        const migrator = new Migrator({ ...this.#props, db, list: this.#list });
        if (create) {
          // Before WAL is turned on: another program's file is refused as it is.
          await migrator.pending();
          await startWal(db, this.#props);
        }
        return await run(migrator);
      });
    };
    // The reader outlives the writer: whoever closes last would write the WAL into the file.
    if (direction === 'plan') return await this.#reading(migrate);
    if (!create) assertFile(this.#props.path);
    return await migrate();
  }

  /** Runs `work` with a connection that can't change the file. Throws `CANNOT_OPEN` without one. */
  async #reading<Result>(work: Work<Result>): Promise<Result> {
    assertFile(this.#props.path);
    return await this.#closing(await openReader(this.#props), work);
  }

  async #closing<Result>(db: Database.Database, work: Work<Result>): Promise<Result> {
    try {
      return await work(db);
    } catch (error) {
      throw toPylonDbError(error, this.#props.path);
    } finally {
      db.close();
    }
  }
}
