import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import {
  Migrator as KyselyMigrator,
  type MigrationInfo,
  type MigrationResultSet,
  type MigratorProps,
  type NoMigrations,
} from 'kysely';
import { type ConnectProps, openReader, openWriter, startWal } from '../engine/sqlite/open.js';
import { refuseForeignSidecars } from '../engine/sqlite/sidecars.js';
import { type ErrorCode, isPylonDbError, PylonDbError } from '../errors.js';
import { readLedgerRows } from './ledger.js';
import type { MigrationList } from './migration.js';
import { assertMigrationNames, INITIAL_MIGRATION } from './migration-names.js';
import { Migrator } from './migrator.js';
import { readLedger } from './schema-check.js';

const MS_PER_SECOND = 1000;

type Direction = 'Up' | 'Down';

/**
 * kysely-ctl's view of the Umzug runner, so that `npx kysely migrate:list|latest|up|down` reads and
 * writes the one ledger and never starts a second. Like every Kysely migrator it gives errors back
 * instead of throwing them, each with its hint in the message: kysely-ctl prints no other. Undoing
 * all is `NOT_SUPPORTED`: the published schema has no way back.
 */
export class UmzugKyselyMigrator extends KyselyMigrator {
  readonly #connectProps: ConnectProps;
  readonly #list: MigrationList;

  /**
   * `db` is kysely-ctl's own connection; no migration runs on it. Throws `INVALID_ARGUMENT` for a
   * name in the list that can't be a migration's.
   */
  constructor(db: MigratorProps['db'], connectProps: ConnectProps, list: MigrationList) {
    assertMigrationNames(list, 'migrations', connectProps.operation ?? '');
    super({ db, provider: { getMigrations: async () => ({}) } });
    this.#connectProps = connectProps;
    this.#list = list;
  }

  override async getMigrations(): Promise<readonly MigrationInfo[]> {
    const times = await this.#appliedTimes().catch((error) => {
      throw withHintInMessage(error);
    });
    return Object.keys(this.#list).map((name) => {
      const appliedAt = times.get(name);
      // kysely-ctl lists names and times; it never runs these.
      const info = { name, migration: { up: async () => {} } };
      return appliedAt === undefined
        ? info
        : { ...info, executedAt: new Date(appliedAt * MS_PER_SECOND) };
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

  override async migrateTo(target: string | NoMigrations): Promise<MigrationResultSet> {
    const { operation = '' } = this.#connectProps;
    if (typeof target !== 'string') return { error: withHintInMessage(everything(operation)) };
    if (!Object.hasOwn(this.#list, target))
      return { error: withHintInMessage(unknown(target, operation)) };
    const isApplied = (await this.getMigrations()).some(
      ({ name, executedAt }) => name === target && executedAt !== undefined,
    );
    return isApplied
      ? await this.#run('Down', (migrator) => migrator.downTo(target))
      : await this.#run('Up', (migrator) => migrator.up(target));
  }

  async #appliedTimes(): Promise<ReadonlyMap<string, number>> {
    // Nothing is applied to a file that isn't there, and a list must not create it.
    if (!existsSync(this.#connectProps.path)) return new Map();
    const db = await openReader(this.#connectProps);
    try {
      readLedger(db, this.#list, this.#connectProps.operation ?? '');
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
      const { path, operation = '' } = this.#connectProps;
      if (direction === 'Down') assertForKyselyCtl(path, operation);
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
      return { error: withHintInMessage(error) };
    }
  }
}

function everything(operation: string): PylonDbError<'NOT_SUPPORTED'> {
  return new PylonDbError(
    'NOT_SUPPORTED',
    `${INITIAL_MIGRATION} is never undone: that would drop all rows`,
    {},
    {
      operation,
      hint: `To undo all that came after it: npx kysely migrate:down ${INITIAL_MIGRATION}. For an empty database, name a new file in PYLON_DB.`,
    },
  );
}

function unknown(target: string, operation: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `no migration is called ${JSON.stringify(target)}`,
    { field: 'name' },
    { operation, hint: 'See the names: npx kysely migrate:list.' },
  );
}

/** The error as kysely-ctl is to print it: with the hint in its message, which is all that it shows. */
export function withHintInMessage(error: unknown): unknown {
  return isPylonDbError(error) ? withHint(error) : error;
}

function withHint<C extends ErrorCode>(error: PylonDbError<C>): PylonDbError<C> {
  const { code, problem, details, operation, hint, cause } = error;
  const context = { operation, hint, ...(cause === undefined ? {} : { cause }) };
  return new PylonDbError(code, `${problem}. ${hint}`, details, context);
}

/** Throws `CANNOT_OPEN` where there is nothing at `path`: only migrating up may create a file. */
export function assertForKyselyCtl(path: string, operation: string): void {
  if (existsSync(path)) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `there is no file ${path}`,
    { path },
    { operation, hint: 'Name the database in PYLON_DB, or create it: npx kysely migrate:latest.' },
  );
}

/** The connection of `npx kysely sql`; creates no file. Throws `CANNOT_OPEN`, with the hint in it. */
export function connectForKyselyCtl(path: string, operation: string): Database.Database {
  try {
    assertForKyselyCtl(path, operation);
    refuseForeignSidecars(path, operation);
  } catch (error) {
    throw withHintInMessage(error);
  }
  return new Database(path, { fileMustExist: true });
}

/** For `npx kysely migrate:make`, whose file no list would have. Throws `NOT_SUPPORTED`. */
export function refuseToMake(): never {
  throw withHintInMessage(
    new PylonDbError(
      'NOT_SUPPORTED',
      'kysely-ctl can make no migration here: it would be in no list, and never run',
      {},
      {
        operation: 'kysely migrate:make',
        hint: 'Use: pylon-db migrate create NAME --dir migrations.',
      },
    ),
  );
}
