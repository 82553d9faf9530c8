import { PylonDbError } from '../../errors.js';
import type { SnapshotRows, Step, StepResult, UnitResults, WriteHandle } from '../engine.js';
import type { RawResult } from '../kysely-connection.js';
import type { Bound } from '../prepared.js';
import { endedError } from '../refusals.js';
import type { SqliteConnection } from './connection.js';
import { toldToCaller } from './sqlite-errors.js';
import { rawUnit, runInSavepoint, Unit } from './unit.js';

/**
 * An open interactive transaction. Its calls run at once on the writer, in the order of the calls;
 * one of several statements stands in a savepoint. After it ended every call throws
 * `TRANSACTION_ENDED`; after SQLite rolled it back by itself, `ABORTED`.
 */
export class SqliteTransaction implements WriteHandle {
  readonly #connection: SqliteConnection;
  readonly #path: string;
  #end: string | undefined;
  #abort: { readonly error: unknown } | undefined;

  constructor(connection: SqliteConnection, path: string) {
    this.#connection = connection;
    this.#path = path;
  }

  async first<Row>(operation: string, query: Bound<Row>): Promise<Row | undefined> {
    return this.#run(operation, (connection) => connection.first(query));
  }

  async all<Row>(operation: string, query: Bound<Row>): Promise<Row[]> {
    return this.#run(operation, (connection) => connection.all(query));
  }

  async snapshot<const Queries extends readonly Bound<unknown>[]>(
    operation: string,
    queries: Queries,
  ): Promise<SnapshotRows<Queries>> {
    const rows: unknown[][] = this.#run(operation, (connection) => connection.snapshot(queries));
    return rows as SnapshotRows<Queries>;
  }

  async write<const Steps extends readonly Step[]>(
    operation: string,
    unit: Steps,
  ): Promise<UnitResults<Steps>> {
    const results: StepResult<unknown>[] = this.#run(operation, (connection) => {
      // Ad-hoc SQL before it may have made a trigger.
      connection.schema?.current();
      return runInSavepoint(new Unit(unit, connection), connection);
    });
    return results as UnitResults<Steps>;
  }

  async raw(sql: string, parameters: readonly unknown[], nodeKind: string): Promise<RawResult> {
    return this.#run('tx.kysely', (connection) =>
      runInSavepoint(rawUnit(sql, parameters, nodeKind), connection),
    );
  }

  /** Commits. Throws the original error when SQLite had rolled the transaction back. */
  commit(): void {
    if (this.#abort !== undefined) throw this.#abort.error;
    this.#connection.commit();
    this.end('was committed');
  }

  /** Rolls back what is still open and refuses later calls, telling them that it `how`. */
  end(how: string): void {
    if (this.#end !== undefined) return;
    this.#end = how;
    this.#connection.rollback();
  }

  #run<Result>(operation: string, work: (connection: SqliteConnection) => Result): Result {
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
      throw toldToCaller(error, operation, this.#path);
    }
  }
}
