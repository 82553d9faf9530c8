import { type Step, type StepResult, StepUntouched } from '../engine.js';
import type { SqliteConnection } from './connection.js';
import { isStandAlone, refuseTransactionControl } from './raw-sql.js';
import type { RawResult } from './raw-statement.js';

/** One unit as the queue runs it: synchronous, and safe to run again after a rollback. */
export interface Work<Result> {
  /** More than one statement: what the first ones did must be undone when a later one fails. */
  readonly several: boolean;
  /** Never shares a transaction: raw SQL and DDL. */
  readonly alone: boolean;
  /** Whether a statement of the latest run succeeded before the run ended. */
  readonly changedSomething: boolean;
  run(connection: SqliteConnection): Result;
}

/** A service's unit: its statements in order, undone when a required one touches no row. */
export class Unit implements Work<StepResult<unknown>[]> {
  readonly alone = false;
  readonly #steps: readonly Step[];
  #done = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  get several(): boolean {
    return this.#steps.length > 1;
  }

  get changedSomething(): boolean {
    return this.#done > 0;
  }

  run(connection: SqliteConnection): StepResult<unknown>[] {
    this.#done = 0;
    const results: StepResult<unknown>[] = [];
    for (const step of this.#steps) {
      const result = connection.write(step.query);
      if (step.required === true && result.touched === 0) throw new StepUntouched();
      results.push(result);
      this.#done += 1;
    }
    return results;
  }
}

/** An ad-hoc statement as a unit. Throws `NOT_SUPPORTED` for one that controls transactions. */
export function rawUnit(
  sql: string,
  parameters: readonly unknown[],
  nodeKind: string,
): Work<RawResult> {
  refuseTransactionControl(sql);
  return {
    several: false,
    alone: isStandAlone(nodeKind),
    changedSomething: false,
    run: (connection) => connection.raw(sql, parameters),
  };
}

/** Runs a unit inside an open transaction: whole, or leaving nothing of it. */
export function runInSavepoint<Result>(work: Work<Result>, connection: SqliteConnection): Result {
  if (!work.several) return work.run(connection);
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
