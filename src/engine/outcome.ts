import { type Step, StepWithoutRows } from './engine.js';
import type { Bound, StepResult } from './prepared.js';
import { rowSwallowedError } from './refusals.js';

/** Published tables that have triggers of other programs. */
export type ForeignTriggers = ReadonlySet<string>;

/** Whether a unit must look at what it stored. */
export function mustLook(steps: readonly Step[], triggers: ForeignTriggers): boolean {
  if (triggers.size === 0) return false;
  // All of them: a trigger on one table may change rows of another.
  return steps.some(({ query }) => triggers.has(query.prepared.outcome?.table ?? ''));
}

/** Throws `SCHEMA_MISMATCH` or {@link StepWithoutRows} when a statement touched too few rows. */
export function assertAffected(
  { query, required }: Step,
  affectedRows: number,
  wanted: number,
): void {
  const always = query.prepared.outcome?.always === true;
  if (affectedRows < wanted || (affectedRows === 0 && always)) throw swallowed(query);
  if (affectedRows === 0 && required === true) throw new StepWithoutRows();
}

/** The question whether the rows of a step stand; none when it touched no row. */
export function lookFor<Row>(
  { prepared: { outcome }, values }: Bound<Row>,
  result: StepResult<Row>,
  wanted: readonly unknown[],
): Bound<Row> | undefined {
  if (result.affectedRows === 0) return undefined;
  return outcome?.look(values, result, wanted);
}

/** The result of a step with its rows as they stand. Throws `SCHEMA_MISMATCH` when one is gone. */
export function asItStands<Row>(
  query: Bound<Row>,
  result: StepResult<Row>,
  rows: readonly Row[],
): StepResult<Row> {
  if (query.prepared.outcome?.deletes === true) {
    if (rows.length > 0) throw swallowed(query);
    return result;
  }
  if (rows.length < result.affectedRows) throw swallowed(query);
  return { ...result, rows };
}

/**
 * Throws `SCHEMA_MISMATCH` when fewer rows of a step stand after the triggers that fire at COMMIT than
 * before them; of one that deletes, when more do.
 */
export function assertKept(query: Bound<unknown>, before: number, after: number): void {
  const isKept = query.prepared.outcome?.deletes === true ? after <= before : after >= before;
  if (!isKept) throw swallowed(query);
}

function swallowed({ prepared: { outcome }, values }: Bound<unknown>) {
  return rowSwallowedError('', outcome?.table ?? '', outcome?.what(values) ?? 'a row');
}
