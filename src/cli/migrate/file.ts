import { existsSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { startWal } from '../../engine/sqlite/open.js';
import { isPylonDbError } from '../../errors.js';
import { readLedgerRows } from '../../migrate/ledger.js';
import type { MigrationList } from '../../migrate/migration.js';
import { INITIAL_MIGRATION, OUR_MIGRATION } from '../../migrate/migration-names.js';
import type { PlannedMigration } from '../../migrate/migration-step.js';
import { readLedger } from '../../migrate/schema-check.js';
import { assertFile, assertFileOrMissing } from '../shell/settings.js';
import { connectProps, migratorOf, withMemory, withReader, withWriter } from './connections.js';
import type { DatabaseMigrations, LedgerReport } from './database.js';
import { findDrift } from './drift.js';

/** The migrations of an SQLite file. */
export class FileMigrations implements DatabaseMigrations {
  readonly #path: string;
  readonly #list: MigrationList;

  constructor(path: string, list: MigrationList) {
    this.#path = path;
    this.#list = list;
  }

  isMissing(): boolean {
    assertFileOrMissing(this.#path);
    return !existsSync(this.#path);
  }

  async ledger(): Promise<LedgerReport> {
    return await withReader(this.#path, async (db) => {
      const { pending } = readLedger(db, this.#list);
      return { rows: readLedgerRows(db), pending };
    });
  }

  async up(last: number, onApplied: (names: readonly string[]) => void): Promise<void> {
    const run = async (db: Database.Database) => {
      const migrator = migratorOf(db, this.#path, this.#list);
      const order = Object.keys(this.#list);
      // Before WAL is turned on: another program's file is refused as it is.
      const pending = (await migrator.pending()).filter((name) => order.indexOf(name) <= last);
      await startWal(db, connectProps(this.#path));
      for (const name of pending) onApplied(await migrator.up(name));
    };
    await withWriter(this.#path, run, true);
  }

  async down(which: number | string): Promise<readonly string[]> {
    assertFile(this.#path);
    return await withWriter(this.#path, (db) => migratorOf(db, this.#path, this.#list).down(which));
  }

  async redo(name: string | undefined): Promise<readonly string[]> {
    assertFile(this.#path);
    return await withWriter(this.#path, (db) => migratorOf(db, this.#path, this.#list).redo(name));
  }

  async plan(): Promise<readonly PlannedMigration[]> {
    // The reader outlives the writer: whoever closes last would write the WAL into the file.
    return await withReader(this.#path, () =>
      withWriter(this.#path, (db) => migratorOf(db, this.#path, this.#list).plan()),
    );
  }

  async verify() {
    return await withReader(this.#path, async (db) => {
      const applied = appliedNames(db, this.#list);
      const known = Object.entries(this.#list).filter(([name]) => applied.includes(name));
      const drift = await withMemory(async (migrated) => {
        await migratorOf(migrated, ':memory:', Object.fromEntries(known)).up();
        return findDrift(db, migrated);
      });
      return { applied, drift };
    });
  }
}

/** Throws `SCHEMA_MISMATCH` for another program's file or a newer pylon-db's: they didn't drift. */
function appliedNames(db: Database.Database, list: MigrationList): readonly string[] {
  try {
    return readLedger(db, list).applied;
  } catch (error) {
    // A published table or column is missing: that is drift, and reported as such.
    const applied = isPylonDbError(error, 'SCHEMA_MISMATCH') ? namesIn(db) : [];
    const newer = applied.some((name) => OUR_MIGRATION.test(name) && !Object.hasOwn(list, name));
    if (newer || !applied.includes(INITIAL_MIGRATION)) throw error;
    return applied;
  }
}

/** None for a ledger that can't be read. */
function namesIn(db: Database.Database): string[] {
  try {
    return readLedgerRows(db).map((row) => row.name);
  } catch {
    return [];
  }
}
