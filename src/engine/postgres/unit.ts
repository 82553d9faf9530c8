import { type Step, type StepResult, StepUntouched } from '../engine.js';
import type { Statement, StatementResult } from './batch.js';
import { paymentLock } from './payment-lock.js';
import { type StatementCompiler, stepResult } from './statement.js';

/** A service's unit: its statements, what they lock, and what their results must be. */
export class Unit {
  /** Statements in their order. */
  readonly statements: readonly Statement[];
  /** The lock rows that must be taken before, in any order. */
  readonly paymentLocks: readonly number[];
  /**
   * Units that change one row at the same place in every batch can't wait for each other in a
   * circle: batches of all processes are sorted by it. Empty for units that wait for no row.
   */
  readonly orderKey: string;
  /** Whether its results decide if it may be committed. */
  readonly mustBeInspected: boolean;
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[], compiler: StatementCompiler) {
    this.#steps = steps;
    this.statements = steps.map(({ query }) => compiler.statement(query));
    this.paymentLocks = [...new Set(steps.flatMap(paymentLocks))];
    this.orderKey = orderKeyOf(steps);
    this.mustBeInspected = steps.some(
      ({ query, required }) => required === true || query.prepared.mayGiveCorruptRow,
    );
  }

  /**
   * Gives what the service asked for. Throws {@link StepUntouched}, `CORRUPT_ROW` or `OUT_OF_RANGE`:
   * then the unit must be undone.
   */
  inspect(results: readonly StatementResult[]): StepResult<unknown>[] {
    return this.#steps.map(({ query, required }, i) => {
      const result = results[i] ?? NOTHING;
      if (required === true && result.touched === 0) throw new StepUntouched();
      return stepResult(query, result);
    });
  }

  /**
   * Why its statements failed: the server refused one, unless a required one before it touched
   * nothing. `results` are those of its statements that ran.
   */
  whyFailed(results: readonly StatementResult[], failure: unknown): unknown {
    const isUntouched = this.#steps.some(
      ({ required }, i) => required === true && results[i]?.touched === 0,
    );
    return isUntouched ? new StepUntouched() : failure;
  }
}

const NOTHING: StatementResult = { rows: [], touched: 0, tag: '' };

function paymentLocks({ query: { prepared, values } }: Step): number[] {
  const param = prepared.locks?.payment;
  const hash = param === undefined ? null : values[param];
  return typeof hash === 'string' ? [paymentLock(hash)] : [];
}

function orderKeyOf(steps: readonly Step[]): string {
  for (const { query } of steps) {
    const { agent, job } = query.prepared.locks ?? {};
    const param = agent ?? job;
    const key = param === undefined ? null : query.values[param];
    if (typeof key === 'string') return `${agent === undefined ? 'job' : 'agent'} ${key}`;
  }
  return '';
}
