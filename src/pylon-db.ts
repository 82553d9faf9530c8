import { existsSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../generated/db.js';
import { migrations as ownMigrations } from '../migrations/index.js';
import { AgentsService } from './agents/agents-service.js';
import { EarningsService } from './earnings/earnings-service.js';
import type { Clock } from './engine/engine.js';
import { retryWhileBusy } from './engine/sqlite/busy.js';
import { DEFAULT_PATH, expandPath } from './engine/sqlite/database-file.js';
import {
  type ConnectProps,
  closeRefused,
  IN_MEMORY,
  openReader,
  openWriter,
  startWal,
} from './engine/sqlite/open.js';
import { SqliteEngine } from './engine/sqlite/sqlite-engine.js';
import { toldToCaller } from './engine/sqlite/sqlite-errors.js';
import { PylonDbError } from './errors.js';
import { invalid, key } from './input.js';
import { JobsService } from './jobs/jobs-service.js';
import type { MigrationList } from './migrate/migration.js';
import { standInForRollups } from './migrate/rollup-views.js';
import {
  INITIAL_MIGRATION,
  type LedgerState,
  readLedger,
  refusePending,
} from './migrate/schema-check.js';
import type { Backup } from './ops/backup/backup.js';
import type { BackupOptions } from './ops/backup/backup-options.js';
import type { BackupSource } from './ops/backup/copy.js';
import {
  checkedClock,
  DEFAULT_BUSY_TIMEOUT_MS,
  type OpenOptions,
  optionsInput,
  systemClock,
  type TransactionOptions,
} from './options.js';

/** What `db.transaction` hands to its callback: the same services, all or nothing. */
export interface PylonDbTransaction {
  readonly jobs: JobsService;
  readonly earnings: EarningsService;
  readonly agents: AgentsService;
  /** Any other query, type-checked, inside the transaction. */
  readonly kysely: Transaction<DB>;
}

const ROLLUPS = '003_pylon_db_rollups';

/**
 * The memory of a Pylon node: one SQLite file, three services, and any other query through
 * `db.kysely`. A promise that resolved is committed.
 *
 * ```ts
 * await using db = await PylonDb.open();
 * const job = await db.jobs.claimNext();
 * ```
 */
export class PylonDb implements AsyncDisposable {
  /** The absolute path of the file, or `:memory:`. */
  readonly path: string;
  readonly jobs: JobsService;
  readonly earnings: EarningsService;
  readonly agents: AgentsService;
  readonly #engine: SqliteEngine;
  readonly #clock: Clock;

  private constructor(path: string, engine: SqliteEngine, clock: Clock) {
    this.path = path;
    this.#engine = engine;
    this.#clock = clock;
    this.jobs = new JobsService(engine, clock);
    this.earnings = new EarningsService(engine, clock);
    this.agents = new AgentsService(engine, clock);
  }

  /**
   * Opens a database, by default `~/.pylon/pylon.db`, creating file and folders (for their owner
   * only) and applying pending migrations. Throws `CANNOT_OPEN`, `NOT_A_DATABASE`,
   * `SCHEMA_MISMATCH` before anything is written, or `MIGRATION_FAILED`.
   */
  static async open(path: string = DEFAULT_PATH, options: OpenOptions = {}): Promise<PylonDb> {
    const operation = 'PylonDb.open';
    key(path, 'path', operation);
    if (path === IN_MEMORY) {
      throw invalid('path', operation, 'a path (PylonDb.openInMemory opens one in memory)', path);
    }
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
      throw new PylonDbError(
        'NOT_SUPPORTED',
        'only SQLite files can be opened',
        {},
        { operation, hint: 'Give the path of a pylon.db file.' },
      );
    }
    return await openDatabase(operation, expandPath(path), options);
  }

  /** Opens an empty, migrated database that lives in memory until it is closed. */
  static async openInMemory(options: OpenOptions = {}): Promise<PylonDb> {
    return await openDatabase('PylonDb.openInMemory', IN_MEMORY, options);
  }

  /** @internal */
  static over(path: string, engine: SqliteEngine, clock: Clock): PylonDb {
    return new PylonDb(path, engine, clock);
  }

  /** Any other query, type-checked, through the same engine. Its `transaction()` is {@link transaction}. */
  get kysely(): Kysely<DB> {
    return this.#engine.kysely;
  }

  /**
   * Runs `callback` in one transaction: all of it is stored, or, when it throws, nothing. Inside,
   * use `tx`: a call on `db` throws `OUTER_HANDLE_IN_TRANSACTION`. Other writes wait meanwhile, so
   * do slow work before or after it; `timeoutMs` rolls back with `TIMEOUT`.
   */
  async transaction<Result>(
    callback: (tx: PylonDbTransaction) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    const operation = 'db.transaction';
    if (typeof callback !== 'function')
      throw invalid('callback', operation, 'a function', callback);
    optionsInput.transaction(options, 'options', operation);
    return await this.#engine.transaction(operation, options, async ({ handle, kysely }) => {
      const now = this.#clock();
      const clock = () => now;
      return await callback({
        jobs: new JobsService(handle, clock),
        earnings: new EarningsService(handle, clock),
        agents: new AgentsService(handle, clock),
        kysely,
      });
    });
  }

  /**
   * Copies the database to `destination`, beside any writer: a file that isn't there yet, or a
   * folder, which gets `pylon-20261123T021330Z.db`. The copy is verified, has a manifest beside it,
   * and holds all that was acknowledged before the call. Throws `INVALID_ARGUMENT` for a name that
   * is taken (without `force`) or the database's own, `CANNOT_OPEN`, `DISK_FULL`, `CORRUPT`,
   * `ABORTED`; then nothing is left of it.
   */
  async backup(destination: string, options: BackupOptions = {}): Promise<Backup> {
    const operation = 'db.backup';
    this.#engine.assertUsable(operation);
    const source: BackupSource = {
      path: this.path,
      now: this.#clock(),
      copyInto:
        this.path === IN_MEMORY ? (file) => this.#engine.copyInto(operation, file) : undefined,
    };
    const { makeBackup } = await import('./ops/backup/backup.js');
    return await makeBackup(source, destination, options);
  }

  /** Waits for queued calls, then closes; again, it does nothing. Later calls throw `CLOSED`. */
  async close(): Promise<void> {
    await this.#engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function openDatabase(
  operation: string,
  path: string,
  options: OpenOptions,
): Promise<PylonDb> {
  optionsInput.open(options, 'options', operation);
  const { durability = 'normal', busyTimeoutMs = DEFAULT_BUSY_TIMEOUT_MS } = options;
  const { clock = systemClock, onQuery } = options;
  const props = { path, durability, busyTimeoutMs, operation };
  const connections =
    options.readonly === true
      ? await connectToRead(props, options)
      : await connectToWrite(props, options);
  const engine = new SqliteEngine({ path, busyTimeoutMs, onQuery, ...connections });
  return PylonDb.over(path, engine, checkedClock(clock));
}

interface Connections {
  readonly writer: Database.Database | undefined;
  readonly reader: Database.Database | undefined;
}

async function connectToWrite(props: ConnectProps, options: OpenOptions): Promise<Connections> {
  const { operation, path, busyTimeoutMs } = props;
  const list: MigrationList = { ...ownMigrations, ...options.migrations };
  if (options.migrate === false && path !== IN_MEMORY && !existsSync(path)) {
    refusePending(operation, Object.keys(list));
  }
  const writer = await openWriter(props);
  const pending = await pendingIn(writer, list, props, options);
  try {
    await startWal(writer, props);
    if (pending.length > 0) {
      // Loaded only here: Umzug would be most of the import of an up-to-date file.
      const { Migrator } = await import('./migrate/migrator.js');
      await new Migrator({ db: writer, path, list, busyTimeoutMs, operation }).up();
    }
    const reader = path === IN_MEMORY ? undefined : await openReader(props);
    return { writer, reader };
  } catch (error) {
    writer.close();
    throw error;
  }
}

async function pendingIn(
  writer: Database.Database,
  list: MigrationList,
  props: ConnectProps,
  { migrate = true }: OpenOptions,
): Promise<readonly string[]> {
  try {
    const { pending } = await ledgerOf(writer, list, props);
    if (pending.length > 0 && !migrate) refusePending(props.operation, pending);
    return pending;
  } catch (error) {
    closeRefused(writer, props);
    throw error;
  }
}

async function ledgerOf(
  db: Database.Database,
  list: MigrationList,
  { operation, path, busyTimeoutMs }: ConnectProps,
): Promise<LedgerState> {
  try {
    return await retryWhileBusy(() => readLedger(db, list, operation), busyTimeoutMs);
  } catch (error) {
    throw toldToCaller(error, operation, path);
  }
}

async function connectToRead(props: ConnectProps, options: OpenOptions): Promise<Connections> {
  const { operation } = props;
  const reader = await openReader(props);
  try {
    const list: MigrationList = { ...ownMigrations, ...options.migrations };
    const { pending } = await ledgerOf(reader, list, props);
    if (pending.includes(INITIAL_MIGRATION)) refusePending(operation, pending);
    if (pending.length > 0 && options.migrate === false) refusePending(operation, pending);
    if (pending.includes(ROLLUPS)) standInForRollups(reader);
    return { writer: undefined, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}
