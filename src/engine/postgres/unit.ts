import type { Step } from '../engine.js';
import {
  asItStands,
  assertAffected,
  assertKept,
  type ForeignTriggers,
  lookFor,
  mustLook,
} from '../outcome.js';
import type { Bound, StepResult } from '../prepared.js';
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
  readonly #steps: readonly PlacedStep[];
  readonly #compiler: StatementCompiler;
  readonly #looks: boolean;
  readonly #isConditional: boolean;
  #failed = '';

  constructor(steps: readonly Step[], compiler: StatementCompiler, triggers: ForeignTriggers) {
    this.#compiler = compiler;
    this.#looks = mustLook(steps, triggers);
    const statements: Statement[] = [];
    this.#steps = steps.map((step) => {
      const { query, watched } = step;
      const { outcome } = query.prepared;
      const wanted = this.#looks || watched === true ? outcome?.wanted?.(query.values) : undefined;
      if (wanted !== undefined) statements.push(compiler.statement(wanted));
      const place = statements.push(compiler.statement(query)) - 1;
      return { ...step, place, wanted };
    });
    this.statements = statements;
    this.paymentLocks = [...new Set(steps.flatMap(paymentLocks))];
    this.orderKey = orderKeyOf(steps);
    // A lone statement that touched nothing leaves nothing to undo.
    this.#isConditional =
      this.#looks ||
      steps.some(
        ({ query: { prepared }, required, watched }) =>
          required === true ||
          watched === true ||
          (prepared.mayGiveCorruptRow && prepared.byName === undefined) ||
          (steps.length > 1 && prepared.outcome?.always === true),
      );
  }

  /** Whether its results decide if it may be committed: of a service's own query by its columns. */
  mustBeInspected(canRead: (statement: Statement) => boolean): boolean {
    if (this.#isConditional) return true;
    return this.#steps.some(({ query, place }) => {
      const statement = this.statements[place];
      const givesRows = query.prepared.byName?.givesRows === true;
      return givesRows && statement !== undefined && !canRead(statement);
    });
  }

  /** What a service calls the query of its own that failed; `''` where it has no name for it. */
  get failed(): string {
    return this.#failed;
  }

  /**
   * What its statements gave; `results` may go on beyond them. Throws {@link StepWithoutRows},
   * `SCHEMA_MISMATCH`, `CORRUPT_ROW` or `OUT_OF_RANGE`: then the unit must be undone.
   */
  inspect(results: readonly StatementResult[]): Answer {
    const answered = this.#steps.map((step) => {
      const { query } = step;
      this.#failed = ownName(query);
      const raw = results[step.place] ?? NOTHING;
      const wanted = wantedOf(step, results);
      assertAffected(step, raw.affectedRows, wanted.length);
      const result = stepResult(query, raw);
      return { query, result, look: this.#looks ? lookFor(query, result, wanted) : undefined };
    });
    this.#failed = '';
    return new Answer(answered, this.#compiler);
  }

  /**
   * Why its statements failed: the server refused one, unless one before it touched too little.
   * `results` are those of its statements that ran.
   */
  whyFailed(results: readonly StatementResult[], failure: unknown): unknown {
    const failed = this.#steps.find(({ place }) => place >= results.length);
    this.#failed = failed === undefined ? '' : ownName(failed.query);
    try {
      for (const step of this.#steps) {
        if (step.place >= results.length) break;
        assertAffected(
          step,
          results[step.place]?.affectedRows ?? 0,
          wantedOf(step, results).length,
        );
      }
      return failure;
    } catch (untouched) {
      return untouched;
    }
  }
}

interface AnsweredStep {
  readonly query: Bound<unknown>;
  readonly result: StepResult<unknown>;
  /** Asks for its rows as they stand. */
  readonly look: Bound<unknown> | undefined;
}

/** What the statements of a unit gave. */
export class Answer {
  /** To be asked when all statements of the transaction have run. */
  readonly looks: readonly Statement[];
  readonly #steps: readonly AnsweredStep[];

  constructor(steps: readonly AnsweredStep[], compiler: StatementCompiler) {
    this.#steps = steps;
    this.looks = steps.flatMap(({ look }) =>
      look === undefined ? [] : [compiler.statement(look)],
    );
  }

  /**
   * What the service asked for: with the rows as they stand, from what {@link looks} gave. Throws
   * `SCHEMA_MISMATCH`, `CORRUPT_ROW` or `OUT_OF_RANGE`.
   */
  asItStands(found: readonly StatementResult[]): StepResult<unknown>[] {
    let next = 0;
    return this.#steps.map(({ query, result, look }) => {
      if (look === undefined) return result;
      const rows = found[next++]?.rows ?? [];
      return asItStands(query, result, rows.map(look.prepared.decode));
    });
  }

  /**
   * Throws `SCHEMA_MISMATCH` when what {@link looks} gave before the triggers of a COMMIT is not there
   * after them.
   */
  assertKept(before: readonly StatementResult[], after: readonly StatementResult[]): void {
    const asked = this.#steps.filter(({ look }) => look !== undefined);
    for (const [i, { query }] of asked.entries()) {
      assertKept(query, before[i]?.rows.length ?? 0, after[i]?.rows.length ?? 0);
    }
  }
}

interface PlacedStep extends Step {
  /** Its place among the statements; that of what it wants is the one before. */
  readonly place: number;
  readonly wanted: Bound<unknown> | undefined;
}

const NOTHING: StatementResult = { rows: [], affectedRows: 0, tag: '' };

function wantedOf(
  { place, wanted }: PlacedStep,
  results: readonly StatementResult[],
): readonly unknown[] {
  return wanted === undefined ? [] : (results[place - 1]?.rows ?? []).map(wanted.prepared.decode);
}
function paymentLocks({ query: { prepared, values } }: Step): number[] {
  const param = prepared.locks?.payment;
  const hash = param === undefined ? null : values[param];
  return typeof hash === 'string' ? [paymentLock(hash)] : [];
}

function ownName({ prepared: { byName, name } }: Bound<unknown>): string {
  return byName === undefined ? '' : name;
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
