import { existsSync } from 'node:fs';
import {
  Migrator as KyselyMigrator,
  type MigrationInfo,
  type MigrationResultSet,
  type MigratorProps,
  type NoMigrations,
} from 'kysely';
import { type ConnectProps, openReader, openWriter, startWal } from '../engine/sqlite/open.js';
import { PylonDbError } from '../errors.js';
import { readLedgerRows } from './ledger-rows.js';
import type { MigrationList } from './migration.js';
import { assertMigrationNames } from './migration-names.js';
import { Migrator } from './migrator.js';
import { readLedger } from './schema-check.js';

const MS_A_SECOND = 1000;

type Direction = 'Up' | 'Down';

/**
 * kysely-ctl's view of the Umzug runner, so that `npx kysely migrate:list|latest|up|down` reads and
 * writes the one ledger and never starts a second. Like every Kysely migrator it gives errors back
 * instead of throwing them. Migrating down to a named migration throws `NOT_SUPPORTED`.
 */
export class UmzugKyselyMigrator extends KyselyMigrator {
  readonly #connectProps: ConnectProps;
  readonly #list: MigrationList;

  /**
   * `db` is kysely-ctl's own connection; no migration runs on it. Throws `INVALID_ARGUMENT` for a
   * name in the list that can't be a migration's.
   */
  constructor(db: MigratorProps['db'], connectProps: ConnectProps, list: MigrationList) {
    assertMigrationNames(list, 'migrations', connectProps.operation);
    super({ db, provider: { getMigrations: async () => ({}) } });
    this.#connectProps = connectProps;
    this.#list = list;
  }

  override async getMigrations(): Promise<readonly MigrationInfo[]> {
    const times = await this.#appliedTimes();
    return Object.keys(this.#list).map((name) => {
      const appliedAt = times.get(name);
      // kysely-ctl lists names and times; it never runs these.
      const info = { name, migration: { up: async () => {} } };
      return appliedAt === undefined
        ? info
        : { ...info, executedAt: new Date(appliedAt * MS_A_SECOND) };
    });
  }

  override migrateToLatest(): Promise<MigrationResultSet> {
    return this.#run('Up', (migrator) => migrator.up());
  }

  override migrateUp(): Promise<MigrationResultSet> {
    return this.#run('Up', async (migrator) => {
      const [next] = await migrator.pending();
      return next === undefined ? [] : await migrator.up(next);
    });
  }

  override migrateDown(): Promise<MigrationResultSet> {
    return this.#run('Down', (migrator) => migrator.down(1));
  }

  override migrateTo(target: string | NoMigrations): Promise<MigrationResultSet> {
    return this.#run('Up', async (migrator) => {
      if (typeof target === 'string' && (await migrator.pending()).includes(target)) {
        return await migrator.up(target);
      }
      throw new PylonDbError(
        'NOT_SUPPORTED',
        'only a pending migration can be migrated to',
        {},
        {
          operation: this.#connectProps.operation,
          hint: 'Use `npx kysely migrate:down` or `pylon-db migrate down --steps N`.',
        },
      );
    });
  }

  async #appliedTimes(): Promise<ReadonlyMap<string, number>> {
    // Nothing is applied to a file that isn't there, and a list must not create it.
    if (!existsSync(this.#connectProps.path)) return new Map();
    const db = await openReader(this.#connectProps);
    try {
      readLedger(db, this.#list, this.#connectProps.operation);
      return new Map(readLedgerRows(db).map(({ name, applied_at }) => [name, applied_at]));
    } finally {
      db.close();
    }
  }

  async #run(
    direction: Direction,
    act: (migrator: Migrator) => Promise<readonly string[]>,
  ): Promise<MigrationResultSet> {
    try {
      const db = await openWriter(this.#connectProps);
      try {
        const migrator = new Migrator({ db, list: this.#list, ...this.#connectProps });
        await migrator.pending();
        await startWal(db, this.#connectProps);
        const names = await act(migrator);
        return {
          results: names.map((migrationName) => ({ migrationName, direction, status: 'Success' })),
        };
      } finally {
        db.close();
      }
    } catch (error) {
      return { error };
    }
  }
}
