import type { DB } from '../../../generated/db.js';
import { Deadline } from '../deadline.js';
import type {
  Admission,
  CopyableDatabase,
  Engine,
  EngineTransaction,
  Look,
  SnapshotRows,
  Step,
  TransactionLimit,
  UnitResults,
} from '../engine.js';
import type { RawResult, RawRunner } from '../kysely-connection.js';
import { kyselyProps, OpenTransaction, QueuedKysely } from '../kysely-handles.js';
import type { Bound, StepResult } from '../prepared.js';
import { assertAllowed, RawStatements } from '../raw-sql.js';
import { closedError, readOnlyError } from '../refusals.js';
import { CallSite, TransactionScope } from '../transaction-scope.js';
import { inQuery, TypedQueries } from '../typed-queries.js';
import { TypedStatements } from '../typed-statements.js';
import { SqliteConnection } from './connection.js';
import type { FilePlace } from './file-place.js';
import { compilingKysely, sqliteDialect } from './kysely-dialect.js';
import type { SqliteEngineProps } from './open.js';
import { readRawSql } from './raw-sql.js';
import { changesNothing } from './raw-statement.js';
import { ReadBatch } from './read-batch.js';
import type { SchemaKeeper } from './schema-state.js';
import { toPylonDbError } from './sqlite-errors.js';
import { SqliteTransaction } from './transaction.js';
import { Read, rawUnit, Unit } from './unit.js';
import { type Turn, WriteQueue } from './write-queue.js';

/**
 * SQLite behind a queue: writes share transactions, reads have a connection of their own, waiting
 * for other processes never blocks. See docs/architecture.md for why it is correct.
 */
export class SqliteEngine implements Engine {
  readonly kysely: QueuedKysely<DB>;
  readonly queries: TypedQueries;
  readonly #path: string;
  readonly #place: FilePlace | undefined;
  readonly #writer: SqliteConnection | undefined;
  readonly #reader: SqliteConnection | undefined;
  readonly #writes: WriteQueue | undefined;
  readonly #reads: ReadBatch | undefined;
  readonly #keeper: SchemaKeeper;
  readonly #statements = new RawStatements(readRawSql);
  readonly #own: TypedStatements;
  readonly #scope = new TransactionScope();
  /** Those that {@link during} waits for. */
  #calls = 0;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(props: SqliteEngineProps) {
    const builder = compilingKysely();
    const { path, place, writer, reader, schema, busyTimeoutMs, onQuery } = props;
    this.#path = path;
    this.#place = place;
    this.#keeper = schema.keeper;
    this.#own = new TypedStatements(builder, this.#statements);
    this.queries = new TypedQueries(this, this.#own, 'db');
    if (writer !== undefined) {
      this.#writer = new SqliteConnection(writer, builder, onQuery, schema);
      this.#writes = new WriteQueue(this.#writer, busyTimeoutMs, place);
    }
    if (reader !== undefined) {
      this.#reader = new SqliteConnection(reader, builder, onQuery, schema);
      this.#reads = new ReadBatch(this.#reader, busyTimeoutMs);
    }
    const runner: RawRunner = { raw: (...query) => this.#raw(...query) };
    this.kysely = new QueuedKysely<DB>(kyselyProps(sqliteDialect, runner), (run) =>
      this.transaction('db.kysely.transaction', {}, (tx) => run(tx.runner)),
    );
  }

  first<Row>(
    operation: string,
    query: Bound<Row>,
    admission?: Admission,
  ): Promise<Row | undefined> {
    return this.#answer(operation, admission, (connection) => connection.first(query));
  }

  all<Row>(operation: string, query: Bound<Row>, admission?: Admission): Promise<Row[]> {
    return this.#answer(operation, admission, (connection) => connection.all(query));
  }

  async snapshot<const Queries extends readonly Bound<unknown>[]>(
    operation: string,
    queries: Queries,
    admission?: Admission,
  ): Promise<SnapshotRows<Queries>> {
    const rows: unknown[][] = await this.#answer(operation, admission, (connection) =>
      connection.snapshot(queries),
    );
    return rows as SnapshotRows<Queries>;
  }

  async during<Result>(operation: string, call: () => Promise<Result>): Promise<Result> {
    this.assertUsable(operation);
    this.#calls += 1;
    try {
      return await call();
    } finally {
      this.#calls -= 1;
    }
  }

  look<Row>(operation: string, query: Bound<Row>, admission?: Admission): Look<Row> | undefined {
    this.assertUsable(operation, admission);
    return this.#reported(operation, () => {
      // Who only looks must notice as well that the file was replaced.
      this.#place?.assertInPlace();
      const [reader, writer] = [this.#reader, this.#writer];
      if (writer === undefined || this.#writes?.idle !== true) return undefined;
      // The writer knows the pages that it wrote; the reader would read them anew.
      const connection = writer.inTransaction ? reader : writer;
      return connection && this.#reads?.look(query, connection);
    });
  }

  write<const Steps extends readonly Step[]>(
    operation: string,
    unit: Steps,
    admission: Admission = 'new',
  ): Promise<UnitResults<Steps>> {
    this.assertUsable(operation, admission);
    const queue = this.#queue(operation);
    const work = new Unit(unit, queue.connection);
    const stored = queue.run(work) as Promise<StepResult<unknown>[] & UnitResults<Steps>>;
    // No function of its own to await in: it would keep a third of a kilobyte of each queued write.
    return stored.catch((error: unknown) => {
      throw inQuery(work.failed, toPylonDbError(error, this.#path, operation));
    });
  }

  /**
   * Runs `callback` in `BEGIN IMMEDIATE … COMMIT`, with the queue to itself. Rolls back when the
   * callback throws, and after `timeoutMs` from its start, then with `TIMEOUT`.
   */
  async transaction<Result, Tables = DB>(
    operation: string,
    { timeoutMs }: TransactionLimit,
    callback: (tx: EngineTransaction<Tables> & { readonly runner: RawRunner }) => Promise<Result>,
  ): Promise<Result> {
    this.assertUsable(operation);
    const queue = this.#queue(operation);
    const openedAt = new CallSite();
    const turn = await queue.turn(openedAt);
    try {
      const tx = await this.#begin(operation, queue, turn);
      const deadline = new Deadline(operation, timeoutMs);
      try {
        const runner = this.#statements.checked(tx);
        const kysely = new OpenTransaction<Tables>(kyselyProps(sqliteDialect, runner));
        const queries = new TypedQueries(tx, this.#own, 'tx');
        const result = await deadline.race(
          this.#scope.run(openedAt, () => callback({ handle: tx, kysely, queries, runner })),
          async (how) => tx.end(how),
        );
        this.#reported(operation, () => {
          this.#place?.assertInPlace();
          tx.commit();
        });
        return result;
      } finally {
        deadline.stop();
        tx.end('was rolled back');
      }
    } finally {
      turn.release();
    }
  }

  copySource(operation: string): CopyableDatabase {
    this.assertUsable(operation);
    this.#reported(operation, () => this.#place?.look());
    if (this.#reader !== undefined) return { path: this.#path, copyInto: undefined };
    const copyInto = async (file: string) => {
      this.assertUsable(operation);
      try {
        // In the queue's order.
        await this.#queue(operation).run(rawUnit('vacuum into ?', [file], 'RawNode'));
      } catch (error) {
        throw toPylonDbError(error, file, operation);
      }
    };
    return { path: this.#path, copyInto };
  }

  /** Throws `CLOSED`, or `OUTER_HANDLE_IN_TRANSACTION` inside a transaction's callback. */
  assertUsable(operation: string, admission: Admission = 'new'): void {
    if (admission === 'continuation' ? this.#closed : this.#closing !== undefined) {
      throw closedError(operation);
    }
    const { mismatch } = this.#keeper;
    if (mismatch !== undefined) throw mismatch.withOperation(operation);
    this.#scope.assertOutside(operation);
  }

  /** Waits for queued reads and writes, then closes. Later calls throw `CLOSED`. */
  close(): Promise<void> {
    this.#scope.assertOutside('db.close');
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    let turn = await this.#writes?.turn();
    // What was answered just now may have a follow-up, which is queued before the next immediate.
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const isIdle = this.#reads?.idle !== false && this.#writes?.idle !== false;
      if (isIdle && this.#calls === 0) break;
      turn?.release();
      turn = await this.#writes?.turn();
    }
    this.#closed = true;
    this.#keeper.stop();
    try {
      if (this.#writer !== undefined) this.#reported('db.close', () => this.#place?.look());
    } finally {
      // Closing the writer last checkpoints the WAL and deletes it; before the reader, neither.
      const connections = [this.#reader, this.#writer];
      if (this.#place?.mayBeCheckpointed === false) connections.reverse();
      for (const connection of connections) connection?.close();
      turn?.release();
    }
  }

  /** Throws the error of `run` as callers get it. */
  #reported<Result>(operation: string, run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      throw toPylonDbError(error, this.#path, operation);
    }
  }

  async #begin(operation: string, queue: WriteQueue, turn: Turn): Promise<SqliteTransaction> {
    try {
      this.#place?.assertInPlace();
      await turn.begin();
      return new SqliteTransaction(queue.connection, this.#path, turn);
    } catch (error) {
      throw toPylonDbError(error, this.#path, operation);
    }
  }

  async #answer<Result>(
    operation: string,
    admission: Admission | undefined,
    read: (connection: SqliteConnection) => Result,
  ): Promise<Result> {
    this.assertUsable(operation, admission);
    try {
      const answer = this.#read(read);
      return answer instanceof Promise ? await answer : answer;
    } catch (error) {
      throw toPylonDbError(error, this.#path, operation);
    }
  }

  async #raw(sql: string, parameters: readonly unknown[], nodeKind: string): Promise<RawResult> {
    this.assertUsable('db.kysely');
    try {
      const statement = this.#statements.of(sql);
      const { asks } = statement;
      if (asks === 'no') this.#queue('db.kysely');
      assertAllowed(statement, 'db.kysely');
      const reader = this.#reader ?? this.#writer;
      const reads = asks === 'of the writer' && this.#writes === undefined;
      if (reads || changesNothing(asks, () => reader?.rawStatement(sql))) {
        return await this.#read((connection) => connection.raw(sql, parameters));
      }
      return await this.#queue('db.kysely').run(rawUnit(sql, parameters, nodeKind));
    } catch (error) {
      throw toPylonDbError(error, this.#path, 'db.kysely');
    }
  }

  #read<Result>(read: (connection: SqliteConnection) => Result): Result | Promise<Result> {
    // A writer finds out by its writes; who only reads would answer from the old file for ever.
    if (this.#writes === undefined) this.#place?.assertInPlace();
    if (this.#reads !== undefined) return this.#reads.run(read);
    return this.#queue('read').run(new Read(read));
  }

  #queue(operation: string): WriteQueue {
    if (this.#writes === undefined) throw readOnlyError(operation);
    return this.#writes;
  }
}
