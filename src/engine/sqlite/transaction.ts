import { PylonDbError } from '../../errors.js';
import type { SnapshotRows, Step, UnitResults, WriteHandle } from '../engine.js';
import type { EventLoopTurn } from '../event-loop-turn.js';
import type { RawResult } from '../kysely-connection.js';
import type { Bound, StepResult } from '../prepared.js';
import { endedError } from '../refusals.js';
import { inQuery } from '../typed-queries.js';
import type { SqliteConnection } from './connection.js';
import type { SchemaState } from './schema-state.js';
import { toPylonDbError } from './sqlite-errors.js';
import { rawUnit, runInSavepoint, Unit } from './unit.js';

/** What the calls of a transaction must keep to, and how many there were. */
export interface CallPace {
  readonly loop: EventLoopTurn;
  calls: number;
}

/**
 * An open interactive transaction. Its calls run at once on the writer, in the order of the calls;
 * one of several statements stands in a savepoint. After it ended every call throws
 * `TRANSACTION_ENDED`; after SQLite rolled it back by itself, `ABORTED`.
 */
export class SqliteTransaction implements WriteHandle {
  readonly #connection: SqliteConnection;
  readonly #path: string;
  readonly #pace: CallPace;
  readonly #schemaBefore: SchemaState | undefined;
  #end: string | undefined;
  #abort: { readonly error: unknown } | undefined;

  constructor(connection: SqliteConnection, path: string, pace: CallPace) {
    this.#connection = connection;
    this.#path = path;
    this.#pace = pace;
    this.#schemaBefore = connection.schema?.state;
  }

  first<Row>(operation: string, query: Bound<Row>): Promise<Row | undefined> {
    return this.#run(operation, (connection) => connection.first(query));
  }

  all<Row>(operation: string, query: Bound<Row>): Promise<Row[]> {
    return this.#run(operation, (connection) => connection.all(query));
  }

  snapshot<const Queries extends readonly Bound<unknown>[]>(
    operation: string,
    queries: Queries,
  ): Promise<SnapshotRows<Queries>> {
    const rows: Promise<unknown[][]> = this.#run(operation, (connection) =>
      connection.snapshot(queries),
    );
    return rows as Promise<SnapshotRows<Queries>>;
  }

  /** Nothing waits for a call inside a transaction but its callback. */
  during<Result>(_: string, call: () => Promise<Result>): Promise<Result> {
    return call();
  }

  look(): undefined {
    return undefined;
  }

  write<const Steps extends readonly Step[]>(
    operation: string,
    unit: Steps,
  ): Promise<UnitResults<Steps>> {
    const work = new Unit(unit, this.#connection);
    const results: Promise<StepResult<unknown>[]> = this.#run(
      operation,
      (connection) => {
        // Ad-hoc SQL before it may have made a trigger.
        connection.schema?.current();
        return runInSavepoint(work, connection);
      },
      work,
    );
    return results as Promise<UnitResults<Steps>>;
  }

  raw(sql: string, parameters: readonly unknown[], nodeKind: string): Promise<RawResult> {
    return this.#run('tx.kysely', (connection) =>
      runInSavepoint(rawUnit(sql, parameters, nodeKind), connection),
    );
  }

  /**
   * Commits. Throws the original error when SQLite had rolled the transaction back, and
   * `NOT_SUPPORTED` when other programs would miss something of the published schema.
   */
  commit(): void {
    if (this.#abort !== undefined) throw this.#abort.error;
    this.#connection.schema?.assertPublished(this.#schemaBefore);
    this.#connection.commit();
    this.end('was committed');
  }

  /** Rolls back what is still open and refuses later calls, saying that it `how`. */
  end(how: string): void {
    if (this.#end !== undefined) return;
    this.#end = how;
    this.#connection.rollback();
  }

  async #run<Result>(
    operation: string,
    work: (connection: SqliteConnection) => Result,
    unit?: Unit,
  ): Promise<Result> {
    this.#pace.calls += 1;
    if (this.#end !== undefined) {
      throw endedError(operation, this.#end);
    }
    if (this.#abort !== undefined) {
      throw new PylonDbError(
        'ABORTED',
        'SQLite rolled the transaction back after an earlier error',
        {},
        { operation, cause: this.#abort.error, hint: 'Let the error end the callback, and retry.' },
      );
    }
    try {
      return work(this.#connection);
    } catch (error) {
      if (!this.#connection.inTransaction) this.#abort = { error };
      throw inQuery(unit?.failed, toPylonDbError(error, this.#path, operation));
    } finally {
      // After the work, which is done at once: awaited or not, it belongs to the transaction.
      if (this.#pace.loop.isOver) await this.#pace.loop.next();
    }
  }
}
