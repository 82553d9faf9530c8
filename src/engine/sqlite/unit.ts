import { type Step, type StepResult, StepUntouched } from '../engine.js';
import type { RawResult } from '../kysely-connection.js';
import type { Bound, RawRow } from '../prepared.js';
import { isStandAlone, refuseTransactionControl } from '../raw-sql.js';
import type { SqliteConnection } from './connection.js';
import { isTriggerFailure } from './sqlite-errors.js';

/** One unit as the queue runs it: synchronous, and safe to run again after a rollback. */
export interface Work<Result> {
  /** Can fail after a statement changed something: runs in a transaction or a savepoint. */
  readonly needsUndo: boolean;
  /** Never shares a transaction: raw SQL and DDL. */
  readonly alone: boolean;
  /** Whether the latest run changed something before it ended. */
  readonly changedSomething: boolean;
  run(connection: SqliteConnection): Result;
}

/** A service's unit: its statements in order, undone when a required one touches no row. */
export class Unit implements Work<StepResult<unknown>[]> {
  readonly alone = false;
  readonly #steps: readonly Step[];
  #changedSomething = false;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /**
   * A lone statement is whole by itself, unless a row that it returns may turn out corrupt. (A
   * transaction around every one would cost a tenth and more: its triggers then need a journal.)
   */
  get needsUndo(): boolean {
    return this.#steps.length > 1 || this.#steps[0]?.query.prepared.mayGiveCorruptRow === true;
  }

  get changedSomething(): boolean {
    return this.#changedSomething;
  }

  run(connection: SqliteConnection): StepResult<unknown>[] {
    this.#changedSomething = false;
    const results: StepResult<unknown>[] = [];
    for (const { query, required } of this.#steps) {
      const result = this.#write(connection, query);
      if (result.touched > 0) this.#changedSomething = true;
      else if (required === true) throw new StepUntouched();
      results.push(query.prepared.returnsRows ? decoded(result, query) : result);
    }
    return results;
  }

  #write(connection: SqliteConnection, query: Bound<unknown>): StepResult<RawRow> {
    try {
      return connection.write(query);
    } catch (error) {
      // RAISE(FAIL) in a foreign trigger leaves what the statement had done.
      if (isTriggerFailure(error)) this.#changedSomething = true;
      throw error;
    }
  }
}

function decoded({ rows, ...result }: StepResult<RawRow>, query: Bound<unknown>) {
  return { ...result, rows: rows.map(query.prepared.decode) };
}

/** An ad-hoc statement as a unit. Throws `NOT_SUPPORTED` for one that controls transactions. */
export function rawUnit(
  sql: string,
  parameters: readonly unknown[],
  nodeKind: string,
): Work<RawResult> {
  refuseTransactionControl(sql);
  // A returned integer may be too large to give back: then the write is undone.
  const returnsRows = /\breturning\b/i.test(sql);
  return {
    needsUndo: returnsRows,
    alone: isStandAlone(nodeKind),
    changedSomething: returnsRows,
    run: (connection) => connection.raw(sql, parameters),
  };
}

/** Runs a unit inside an open transaction: whole, or leaving nothing of it. */
export function runInSavepoint<Result>(work: Work<Result>, connection: SqliteConnection): Result {
  if (!work.needsUndo) return work.run(connection);
  connection.savepoint();
  try {
    const result = work.run(connection);
    connection.release();
    return result;
  } catch (error) {
    connection.undoSavepoint();
    throw error;
  }
}
