import { type Step, type StepResult, StepUntouched } from '../engine.js';
import type { SqliteConnection } from './connection.js';
import { isStandAlone, refuseTransactionControl } from './raw-sql.js';
import type { RawResult } from './raw-statement.js';
import type { Work } from './write-queue.js';

/** A service's unit: its statements in order, undone when a required one touches no row. */
export function unitOf(steps: readonly Step[]): Work<StepResult<unknown>[]> {
  return {
    several: steps.length > 1,
    alone: false,
    run: (connection) => runSteps(steps, connection),
  };
}

function runSteps(steps: readonly Step[], connection: SqliteConnection): StepResult<unknown>[] {
  const results: StepResult<unknown>[] = [];
  for (const step of steps) {
    const result = connection.write(step.query);
    if (step.required === true && result.touched === 0) throw new StepUntouched(results.length);
    results.push(result);
  }
  return results;
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
    run: (connection) => connection.raw(sql, parameters),
  };
}
