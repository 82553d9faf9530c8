import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../generated/db.js';
import { AgentsService } from './agents/agents-service.js';
import type { Backup } from './backup/backup.js';
import type { BackupOptions } from './backup/backup-options.js';
import { isServerUrl } from './database-url.js';
import { EarningsService } from './earnings/earnings-service.js';
import type { Clock, Engine, SnapshotRows } from './engine/engine.js';
import type { Bound } from './engine/prepared.js';
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

/** The tables that `kysely` knows: those that `PylonDb.open` was given, else the published ones. */
export type KnownTables<Tables> = unknown extends Tables ? DB : Tables;

/** What `db.transaction` hands to its callback: the same services, all or nothing. */
export interface PylonDbTransaction<Tables = unknown> {
  readonly jobs: JobsService;
  readonly earnings: EarningsService;
  readonly agents: AgentsService;
  /** Any other query, type-checked, inside the transaction. */
  readonly kysely: Transaction<KnownTables<Tables>>;
  /** As {@link PylonDb.all}, inside the transaction. */
  all<Row>(query: Bound<Row>): Promise<Row[]>;
  /** As {@link PylonDb.first}, inside the transaction. */
  first<Row>(query: Bound<Row>): Promise<Row | undefined>;
  /** As {@link PylonDb.batch}, inside the transaction: when it throws, nothing of it is left there. */
  batch<const Queries extends readonly Bound<unknown>[]>(
    queries: Queries,
  ): Promise<SnapshotRows<Queries>>;
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
export class PylonDb<Tables = unknown> implements AsyncDisposable {
  /** The absolute path of the file, or `:memory:`. */
  readonly path: string;
  readonly jobs: JobsService;
  readonly earnings: EarningsService;
  readonly agents: AgentsService;
  readonly #engine: Engine;
  readonly #kysely: Kysely<KnownTables<Tables>>;
  readonly #clock: Clock;

  private constructor(path: string, engine: Engine, clock: Clock) {
    this.path = path;
    this.#engine = engine;
    this.#kysely = engine.kysely.typed();
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
  static async open<Tables = unknown>(
    path: string = DEFAULT_PATH,
    options: OpenOptions = {},
  ): Promise<PylonDb<Tables>> {
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
  static async openInMemory<Tables = unknown>(options: OpenOptions = {}): Promise<PylonDb<Tables>> {
    const operation = 'PylonDb.openInMemory';
    optionsInput.open(options, 'options', operation);
    const engine = await openSqlite(operation, IN_MEMORY, options);
    return PylonDb.over(IN_MEMORY, engine, checkedClock(options.clock ?? systemClock));
  }

  /** @internal */
  static over<Tables = unknown>(path: string, engine: Engine, clock: Clock): PylonDb<Tables> {
    return new PylonDb(path, engine, clock);
  }

  /** Any other query, type-checked, through the same engine. Its `transaction()` is {@link transaction}. */
  get kysely(): Kysely<KnownTables<Tables>> {
    return this.#kysely;
  }

  /**
   * The rows of a query of your own, see `prepared`; of a write without RETURNING, what Kysely gives
   * for it. A read sees all writes acknowledged before the call; a write is committed once it resolves.
   * Throws `INVALID_ARGUMENT` for values that are missing or the schema doesn't allow, `OUT_OF_RANGE`
   * for an integer in a row that a number can't hold, `READ_ONLY`, and `NOT_SUPPORTED` for what
   * `db.kysely` refuses.
   */
  all<Row>(query: Bound<Row>): Promise<Row[]> {
    return this.#engine.queries.all(query);
  }

  /** As {@link all}, the first row only; `undefined` when there is none. */
  first<Row>(query: Bound<Row>): Promise<Row | undefined> {
    return this.#engine.queries.first(query);
  }

  /**
   * Runs queries of your own as one unit and gives the rows of each, in their order: all is stored or
   * nothing. Without a write among them, all see one instant, on a readonly open too. Throws what
   * {@link all} throws; nothing is stored then.
   */
  batch<const Queries extends readonly Bound<unknown>[]>(
    queries: Queries,
  ): Promise<SnapshotRows<Queries>> {
    return this.#engine.queries.batch(queries);
  }

  /**
   * Runs `callback` in one transaction: all of it is stored, or, when it throws, nothing. Inside,
   * use `tx`: a call on `db` throws `OUTER_HANDLE_IN_TRANSACTION`. Other writes wait meanwhile, so
   * do slow work before or after it; `timeoutMs` rolls back with `TIMEOUT`.
   */
  async transaction<Result>(
    callback: (tx: PylonDbTransaction<Tables>) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    const operation = 'db.transaction';
    if (typeof callback !== 'function')
      throw invalid('callback', operation, 'a function', callback);
    optionsInput.transaction(options, 'options', operation);
    return await this.#engine.transaction<Result, KnownTables<Tables>>(
      operation,
      options,
      async ({ handle, kysely, queries }) => {
        const now = this.#clock();
        const clock = () => now;
        return await callback({
          jobs: new JobsService(handle, clock),
          earnings: new EarningsService(handle, clock),
          agents: new AgentsService(handle, clock),
          kysely,
          all: (query) => queries.all(query),
          first: (query) => queries.first(query),
          batch: (list) => queries.batch(list),
        });
      },
    );
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
