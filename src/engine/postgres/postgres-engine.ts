import type { DB } from '../../../generated/db.js';
import { PylonDbError } from '../../errors.js';
import { compilingWith } from '../compiling-kysely.js';
import { Deadline } from '../deadline.js';
import type {
  Admission,
  Engine,
  EngineTransaction,
  SnapshotRows,
  Step,
  TransactionLimit,
  UnitResults,
} from '../engine.js';
import type { RawResult, RawRunner } from '../kysely-connection.js';
import { kyselyProps, OpenTransaction, QueuedKysely } from '../kysely-handles.js';
import type { Bound } from '../prepared.js';
import { assertAllowedNextTurn, RawStatements } from '../raw-sql.js';
import { closedError, readOnlyError } from '../refusals.js';
import { CallSite, TransactionScope } from '../transaction-scope.js';
import { inQuery, TypedQueries } from '../typed-queries.js';
import { TypedStatements } from '../typed-statements.js';
import { COMMIT } from './commit.js';
import { postgresDialect } from './dialect.js';
import { CallbackThrew, isStale, timedLock } from './failures.js';
import { noRight } from './no-right.js';
import type { SessionPool } from './pool.js';
import { toPylonDbError } from './postgres-errors.js';
import { readRawSql } from './raw-sql.js';
import { type AssertPublished, RawWrite } from './raw-write.js';
import { retryConflicts } from './retry.js';
import type { Session } from './session.js';
import { fixed, rowsOf, StatementCompiler } from './statement.js';
import { PostgresTransaction } from './transaction.js';
import type { TriggerWatch } from './trigger-watch.js';
import { Unit } from './unit.js';
import { WriteQueue } from './write-queue.js';

/** The connections and settings that an engine takes over. */
interface PostgresEngineProps {
  readonly pool: SessionPool;
  /** The server and database as errors may show them. */
  readonly address: string;
  readonly readonly: boolean;
  /** How long a write waits for other transactions, in milliseconds. */
  readonly busyTimeoutMs: number;
  /** Knows the triggers of other programs. */
  readonly triggers: TriggerWatch;
  /** Throws `NOT_SUPPORTED` when other programs would miss something of the published schema. */
  readonly assertPublished: AssertPublished;
}

/**
 * PostgreSQL behind the same interface as SQLite: writes of many callers share transactions, reads
 * have connections of their own, conflicts with other processes are tried again. See docs/fleet.md.
 */
export class PostgresEngine implements Engine {
  readonly kysely: QueuedKysely<DB>;
  readonly queries: TypedQueries;
  readonly #pool: SessionPool;
  readonly #address: string;
  readonly #busyTimeoutMs: number;
  readonly #builder = compilingWith<DB>(postgresDialect);
  readonly #compiler = new StatementCompiler(this.#builder);
  readonly #triggers: TriggerWatch;
  readonly #assertPublished: PostgresEngineProps['assertPublished'];
  readonly #writes: WriteQueue | undefined;
  readonly #statements = new RawStatements(readRawSql);
  readonly #own = new TypedStatements(this.#builder, this.#statements);
  readonly #scope = new TransactionScope();
  #calls = 0;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(props: PostgresEngineProps) {
    const { pool, address, readonly, busyTimeoutMs, triggers } = props;
    this.#pool = pool;
    this.#address = address;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#triggers = triggers;
    this.#assertPublished = props.assertPublished;
    this.#writes = readonly ? undefined : new WriteQueue(pool, props);
    this.queries = new TypedQueries(this, this.#own, 'db');
    const runner: RawRunner = { raw: (sql, parameters) => this.#raw(sql, parameters) };
    this.kysely = new QueuedKysely<DB>(kyselyProps(postgresDialect, runner), (run) =>
      this.transaction('db.kysely.transaction', {}, (tx) => run(tx.runner)),
    );
  }

  async first<Row>(
    operation: string,
    query: Bound<Row>,
    admission?: Admission,
  ): Promise<Row | undefined> {
    const [row] = await this.all(operation, query, admission);
    return row;
  }

  async all<Row>(operation: string, query: Bound<Row>, admission?: Admission): Promise<Row[]> {
    return await this.#call(operation, admission, () =>
      this.#read(async (session) => {
        const [result] = await session.run([this.#compiler.statement(query)]);
        return rowsOf(query, result);
      }),
    );
  }

  async snapshot<const Queries extends readonly Bound<unknown>[]>(
    operation: string,
    queries: Queries,
    admission?: Admission,
  ): Promise<SnapshotRows<Queries>> {
    const rows: unknown[][] = await this.#call(operation, admission, () =>
      this.#read(async (session) => {
        const statements = queries.map((query) => this.#compiler.statement(query));
        const [, ...results] = await session.run([BEGIN_SNAPSHOT, ...statements, COMMIT]);
        return queries.map((query, i) => rowsOf(query, results[i]));
      }),
    );
    return rows as SnapshotRows<Queries>;
  }

  async during<Result>(operation: string, call: () => Promise<Result>): Promise<Result> {
    return await this.#call(operation, 'new', call);
  }

  /** A look would be a round trip more, and statements on a server wait for no lock on a file. */
  look(): undefined {
    return undefined;
  }

  async write<const Steps extends readonly Step[]>(
    operation: string,
    steps: Steps,
    admission?: Admission,
  ): Promise<UnitResults<Steps>> {
    const unit = new Unit(steps, this.#compiler, this.#triggers.tables);
    try {
      const results: unknown = await this.#call(operation, admission, () =>
        this.#queue(operation).unit(unit),
      );
      return results as UnitResults<Steps>;
    } catch (error) {
      throw inQuery(unit.failed, error);
    }
  }

  /**
   * Runs `callback` in a serializable transaction. It is rolled back and run again while others
   * stand in its way, so it may run more than once; after `busyTimeoutMs` it throws `BUSY`.
   */
  async transaction<Result, Tables = DB>(
    operation: string,
    { timeoutMs }: TransactionLimit,
    callback: (tx: EngineTransaction<Tables> & { readonly runner: RawRunner }) => Promise<Result>,
  ): Promise<Result> {
    const openedAt = new CallSite();
    return await this.#call(operation, 'new', () => {
      this.#queue(operation);
      let deadline: Deadline | undefined;
      return retryConflicts(
        () =>
          this.#pool.withSession((session) => {
            // Waiting for a connection of our own is not the transaction's time.
            deadline ??= new Deadline(operation, timeoutMs);
            return this.#transact<Result, Tables>(session, deadline, (tx) =>
              this.#scope.run(openedAt, () => callback(tx)),
            );
          }),
        this.#busyTimeoutMs,
      ).finally(() => deadline?.stop());
    });
  }

  /** Throws `NOT_SUPPORTED`: the server's own tools make backups. */
  copySource(operation: string): never {
    throw new PylonDbError(
      'NOT_SUPPORTED',
      'a server is backed up by its own tools',
      {},
      { operation, hint: 'Use pg_dump, or pg_basebackup with WAL archiving: see docs/fleet.md.' },
    );
  }

  /** Throws `CLOSED`, or `OUTER_HANDLE_IN_TRANSACTION` inside a transaction's callback. */
  assertUsable(operation: string, admission: Admission = 'new'): void {
    if (admission === 'continuation' ? this.#closed : this.#closing !== undefined) {
      throw closedError(operation);
    }
    this.#scope.assertOutside(operation);
  }

  /** Waits for calls that were made, then closes all connections. Later calls throw `CLOSED`. */
  close(): Promise<void> {
    this.#scope.assertOutside('db.close');
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // What was answered just now may have a follow-up, which is made before the next immediate.
    do await new Promise((resolve) => setTimeout(resolve, this.#calls > 0 ? CLOSING_LOOK_MS : 0));
    while (this.#calls > 0);
    this.#closed = true;
    await this.#pool.end();
  }

  async #transact<Result, Tables>(
    session: Session,
    deadline: Deadline,
    callback: (tx: EngineTransaction<Tables> & { readonly runner: RawRunner }) => Promise<Result>,
  ): Promise<Result> {
    const tx = new PostgresTransaction(session, {
      compiler: this.#compiler,
      address: this.#address,
      triggers: this.#triggers,
      assertPublished: this.#assertPublished,
    });
    await tx.begin();
    const runner = this.#statements.checked(tx);
    const kysely = new OpenTransaction<Tables>(kyselyProps(postgresDialect, runner));
    const queries = new TypedQueries(tx, this.#own, 'tx');
    try {
      const result = await deadline.race(
        callback({ handle: tx, kysely, queries, runner }).catch((thrown: unknown) => {
          throw new CallbackThrew(thrown);
        }),
        async (how) => {
          const ended = tx.end(how);
          // What it waits for may take longer than anybody wants to wait.
          session.spoil();
          await this.#pool.cancelUntil(session, ended);
        },
      );
      await tx.commit();
      return result;
    } catch (error) {
      await tx.end('was rolled back');
      if (deadline.hasPassed) throw error;
      // Whatever the callback made of it: it can't be committed, and is run again.
      throw tx.conflict ?? error;
    }
  }

  async #raw(sql: string, parameters: readonly unknown[]): Promise<RawResult> {
    return await this.#call('db.kysely', 'new', async () => {
      const statement = this.#statements.of(sql);
      const asks = statement.asks === 'yes';
      if (!asks) this.#queue('db.kysely');
      await assertAllowedNextTurn(statement);
      if (asks) return await this.#read((session) => session.raw(sql, parameters));
      return await this.#queue('db.kysely').raw(new RawWrite(sql, parameters));
    });
  }

  async #read<Result>(read: (session: Session) => Promise<Result>): Promise<Result> {
    return await retryConflicts(
      () =>
        this.#pool.withSession(async (session) => {
          try {
            return await read(session);
          } catch (error) {
            if (isStale(error)) session.forget();
            throw noRight(error, { address: this.#address, isRead: true }) ?? error;
          }
        }),
      this.#busyTimeoutMs,
    );
  }

  async #call<Result>(
    operation: string,
    admission: Admission | undefined,
    run: () => Promise<Result>,
  ): Promise<Result> {
    this.assertUsable(operation, admission);
    this.#calls += 1;
    const start = performance.now();
    try {
      return await run();
    } catch (error) {
      throw toPylonDbError(timedLock(error, start), this.#address, operation);
    } finally {
      this.#calls -= 1;
    }
  }

  #queue(operation: string): WriteQueue {
    if (this.#writes === undefined) throw readOnlyError(operation);
    this.#triggers.assertAllVisible();
    return this.#writes;
  }
}

/** Several reads in one round trip; without it, each would see what was committed before it. */
const BEGIN_SNAPSHOT = fixed('begin isolation level repeatable read read only');

/** How often a closing database looks whether its calls are done, in ms. */
const CLOSING_LOOK_MS = 5;
