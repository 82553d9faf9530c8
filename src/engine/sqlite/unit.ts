import type { Step } from '../engine.js';
import type { RawResult } from '../kysely-connection.js';
import { asItStands, assertAffected, type ForeignTriggers, lookFor, mustLook } from '../outcome.js';
import type { Bound, RawRow, StepResult } from '../prepared.js';
import { firstKeyword, isStandAlone, refuseTransactionControl } from '../raw-sql.js';
import { assertExactKey } from '../refusals.js';
import type { SqliteConnection } from './connection.js';
import { isKnownKey, isTriggerFailure } from './sqlite-errors.js';

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

/** What a unit must know of the schema. */
interface UnitSchema {
  readonly foreignTriggers: ForeignTriggers;
  readonly mayKeepChanges: boolean;
}

/** A service's unit: its statements in order, undone when one touches less than it must. */
export class Unit implements Work<StepResult<unknown>[]> {
  readonly alone = false;
  readonly #steps: readonly Step[];
  readonly #schema: UnitSchema;
  #changedSomething = false;
  #failed = '';

  constructor(steps: readonly Step[], schema: UnitSchema) {
    this.#steps = steps;
    this.#schema = schema;
  }

  /**
   * A lone statement is whole by itself, unless a row that it returns may turn out corrupt, or it
   * isn't alone: it is looked after. (A transaction around every one would cost a tenth and more:
   * its triggers then need a journal.)
   */
  get needsUndo(): boolean {
    const [first] = this.#steps;
    return (
      this.#steps.length > 1 ||
      first?.query.prepared.mayGiveCorruptRow === true ||
      // The tables of a service are not ours to know.
      (first?.query.prepared.byName !== undefined && this.#schema.mayKeepChanges) ||
      first?.watched === true ||
      mustLook(this.#steps, this.#schema.foreignTriggers)
    );
  }

  get changedSomething(): boolean {
    return this.#changedSomething;
  }

  /** What a service calls the query of its own that failed; `''` where it has no name for it. */
  get failed(): string {
    return this.#failed;
  }

  run(connection: SqliteConnection): StepResult<unknown>[] {
    this.#failed = '';
    if (mustLook(this.#steps, this.#schema.foreignTriggers)) return this.#runAndLook(connection);
    this.#changedSomething = false;
    return this.#steps.map((step) => {
      const wanted = step.watched === true ? wantedBy(step.query, connection) : NO_ROWS;
      return this.#runStep(connection, step, wanted.length);
    });
  }

  #runAndLook(connection: SqliteConnection): StepResult<unknown>[] {
    // A foreign trigger that swallows a row may have written others before.
    this.#changedSomething = true;
    const looks = this.#steps.map((step) => {
      const { query } = step;
      const wanted = wantedBy(query, connection);
      const result = this.#runStep(connection, step, wanted.length);
      return { query, result, question: lookFor(query, result, wanted) };
    });
    return looks.map(({ query, result, question }) =>
      question === undefined ? result : asItStands(query, result, connection.all(question)),
    );
  }

  #runStep(connection: SqliteConnection, step: Step, wanted: number): StepResult<unknown> {
    const { query } = step;
    const raw = this.#write(connection, query);
    if (raw.affectedRows > 0) this.#changedSomething = true;
    assertExactKey(query.prepared, raw.insertId);
    if (raw.affectedRows === 0 || wanted > 0) assertAffected(step, raw.affectedRows, wanted);
    return query.prepared.returnsRows ? decoded(raw, query) : raw;
  }

  #write(connection: SqliteConnection, query: Bound<unknown>): StepResult<RawRow> {
    const { prepared, values } = query;
    const standing = prepared.ifNew?.(values);
    try {
      if (standing !== undefined && connection.knows(prepared, standing)) return NOTHING;
      return connection.write(query);
    } catch (error) {
      if (standing !== undefined && isKnownKey(error)) {
        connection.expectKnown(prepared);
        return NOTHING;
      }
      // RAISE(FAIL) in a foreign trigger leaves what the statement had done.
      if (isTriggerFailure(error)) this.#changedSomething = true;
      if (query.prepared.byName !== undefined) {
        // So does OR FAIL, and a constraint with ON CONFLICT FAIL.
        if (connection.keptChanges() > 0) this.#changedSomething = true;
        this.#failed = query.prepared.name;
      }
      throw error;
    }
  }
}

const NO_ROWS: readonly unknown[] = [];
const NOTHING: StepResult<RawRow> = { rows: [], affectedRows: 0, insertId: 0 };

function wantedBy({ prepared, values }: Bound<unknown>, connection: SqliteConnection) {
  const question = prepared.outcome?.wanted?.(values);
  return question === undefined ? NO_ROWS : connection.all(question);
}

// By name: spread, the result cost 4 to 11 % of a lone change.
function decoded({ rows, affectedRows, insertId }: StepResult<RawRow>, query: Bound<unknown>) {
  return { rows: rows.map(query.prepared.decode), affectedRows, insertId };
}

/** An ad-hoc statement as a unit. Throws `NOT_SUPPORTED` for one that controls transactions. */
export function rawUnit(
  sql: string,
  parameters: readonly unknown[],
  nodeKind: string,
): Work<RawResult> {
  refuseTransactionControl(sql);
  return new RawUnit(sql, parameters, isStandAlone(nodeKind));
}

/** What SQLite can end in the middle: not DDL, and not what runs outside of transactions only. */
const CHANGES_ROWS: ReadonlySet<string> = new Set([
  'INSERT',
  'REPLACE',
  'UPDATE',
  'DELETE',
  'WITH',
]);

class RawUnit implements Work<RawResult> {
  /**
   * What it returns may be an integer too large to give back; OR FAIL, and the FAIL of a trigger or
   * constraint, keep the rows before the one that failed.
   */
  readonly needsUndo: boolean;
  readonly alone: boolean;
  readonly #sql: string;
  readonly #parameters: readonly unknown[];
  #changedSomething = false;

  constructor(sql: string, parameters: readonly unknown[], alone: boolean) {
    this.needsUndo = CHANGES_ROWS.has(firstKeyword(sql));
    this.alone = alone;
    this.#sql = sql;
    this.#parameters = parameters;
  }

  get changedSomething(): boolean {
    return this.#changedSomething;
  }

  run(connection: SqliteConnection): RawResult {
    try {
      return connection.raw(this.#sql, this.#parameters);
    } catch (error) {
      this.#changedSomething = connection.keptChanges() > 0;
      throw error;
    }
  }
}

/** A read in the write queue: in memory, where one connection does both. */
export class Read<Result> implements Work<Result> {
  readonly needsUndo = false;
  readonly alone = false;
  readonly changedSomething = false;

  constructor(readonly run: (connection: SqliteConnection) => Result) {}
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
