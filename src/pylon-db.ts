import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../generated/db.js';
import { AgentsService } from './agents/agents-service.js';
import type { Backup } from './backup/backup.js';
import type { BackupOptions } from './backup/backup-options.js';
import { isServerUrl } from './database-url.js';
import { EarningsService } from './earnings/earnings-service.js';
import type { Clock, Engine } from './engine/engine.js';
import { DEFAULT_PATH, expandPath } from './engine/sqlite/database-file.js';
import { IN_MEMORY } from './engine/sqlite/open.js';
import { cannotUse, systemCode } from './engine/sqlite/system-error.js';
import { JobsService } from './jobs/jobs-service.js';
import { openSqlite } from './open-sqlite.js';
import {
  checkedClock,
  type OpenOptions,
  optionsInput,
  systemClock,
  type TransactionOptions,
} from './options.js';
import { invalid, key } from './schema/input.js';

/** What `db.transaction` hands to its callback: the same services, all or nothing. */
export interface PylonDbTransaction {
  readonly jobs: JobsService;
  readonly earnings: EarningsService;
  readonly agents: AgentsService;
  /** Any other query, type-checked, inside the transaction. */
  readonly kysely: Transaction<DB>;
}

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
  readonly #engine: Engine;
  readonly #clock: Clock;

  private constructor(path: string, engine: Engine, clock: Clock) {
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
    optionsInput.open(options, 'options', operation);
    const clock = checkedClock(options.clock ?? systemClock);
    if (isServerUrl(path, operation)) {
      // Loaded only here: a user of SQLite needs no driver for servers.
      const { openPostgres } = await import('./open-postgres.js');
      const { engine, address } = await openPostgres(operation, path, options);
      return PylonDb.over(address, engine, clock);
    }
    const file = expandPath(path);
    return PylonDb.over(file, await openSqlite(operation, file, options), clock);
  }

  /** Opens an empty, migrated database that lives in memory until it is closed. */
  static async openInMemory(options: OpenOptions = {}): Promise<PylonDb> {
    const operation = 'PylonDb.openInMemory';
    optionsInput.open(options, 'options', operation);
    const engine = await openSqlite(operation, IN_MEMORY, options);
    return PylonDb.over(IN_MEMORY, engine, checkedClock(options.clock ?? systemClock));
  }

  /** @internal */
  static over(path: string, engine: Engine, clock: Clock): PylonDb {
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
   * Copies the database to `destination` while others write: a file that isn't there yet, or a
   * folder, which gets `pylon-20261123T021330Z.db`. The copy is verified, has a manifest next to it,
   * and holds all that was acknowledged before the call. Throws `INVALID_ARGUMENT` for a name that
   * is taken (without `force`) or the database's own, `CANNOT_OPEN`, `DISK_FULL`, `CORRUPT`,
   * `ABORTED`; then nothing is left of it.
   */
  async backup(destination: string, options: BackupOptions = {}): Promise<Backup> {
    const operation = 'db.backup';
    const source = { ...this.#engine.copySource(operation), now: this.#clock() };
    const { makeBackup } = await import('./backup/backup.js').catch((error: unknown) => {
      // No descriptor is left for it.
      throw systemCode(error) === undefined ? error : cannotUse(error, source.path, operation);
    });
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
