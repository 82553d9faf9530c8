import {
  handWritten,
  handWrittenPublished,
  original,
  ownQueries,
  pylonDb,
} from './contestants/index.js';
import { CLOCK, ratio } from './measure.js';
import type { Measured } from './side-by-side.js';

/** A figure that the project set itself, and what this run measured. */
export interface Goal {
  readonly what: string;
  readonly to: string;
  /** The most that it may be. */
  readonly limit: number;
  readonly unit: 'times' | 'MB';
  /** `undefined` when this run didn't measure it. */
  readonly value: number | undefined;
  /** On what it was measured, and what else there is to know. */
  readonly on: string;
}

/** Rows at which ratios are judged when a run has several scales. */
const REFERENCE_ROWS = 100_000;

/** The scale of a run that ratios are judged at, and that the chart shows. */
export function referenceScale(scales: readonly number[]): number {
  return scales.includes(REFERENCE_ROWS) ? REFERENCE_ROWS : Math.max(...scales);
}

export const inRows = (rows: number) => `${rows.toLocaleString('en')} rows`;

interface RatioGoal {
  readonly operation: string;
  readonly what: string;
  readonly limit: number;
  readonly of?: string;
  readonly to?: string;
}

const TO_HAND_WRITTEN: readonly RatioGoal[] = [
  { operation: 'get', what: 'get, lone await', limit: 1.0 },
  { operation: 'get-10', what: 'get, 10 concurrent', limit: 0.65 },
  { operation: 'get-100', what: 'get, 100 concurrent', limit: 0.65 },
  { operation: 'list', what: 'list of 100, same indexes', limit: 0.7 },
  { operation: 'insert', what: 'insert, lone, same schema', limit: 1.1 },
  { operation: 'complete', what: 'complete, lone, same schema', limit: 1.1 },
  { operation: 'tick', what: 'tick, lone await', limit: 1.15 },
  { operation: 'tick-10', what: 'tick, 10 concurrent', limit: 0.45 },
  { operation: 'tick-100', what: 'tick, 100 concurrent', limit: 0.33 },
  { operation: 'tick-1000', what: 'tick, 1,000 concurrent', limit: 0.25 },
];

const OF_OWN_QUERIES: readonly RatioGoal[] = [
  { operation: 'get', what: 'own query: db.first, lone await', limit: 1.15 },
  { operation: 'insert', what: 'own query: db.batch of one write, lone', limit: 1.2 },
].map((goal) => ({ ...goal, of: ownQueries.name }));

const TO_ORIGINAL: readonly RatioGoal[] = [
  { operation: 'get', what: 'get, lone await', limit: 0.5 },
  { operation: 'tick', what: 'tick, lone await', limit: 1.0 },
  { operation: 'tick-10', what: 'tick, 10 concurrent', limit: 0.38 },
  { operation: 'tick-100', what: 'tick, 100 concurrent', limit: 0.28 },
  { operation: 'tick-1000', what: 'tick, 1,000 concurrent', limit: 0.21 },
].map((goal) => ({ ...goal, to: original.name }));

const OF_SCHEMA: readonly RatioGoal[] = [
  { operation: 'insert', what: 'our schema: job insert, lone', limit: 1.35 },
  { operation: 'insert-100', what: 'our schema: job insert, per 100', limit: 1.7 },
].map((goal) => ({ ...goal, of: handWritten.name, to: handWrittenPublished.name }));

/** The goals that the side-by-side measurement answers, judged at one scale, the others next to it. */
export function sideBySideGoals(measured: readonly Measured[], scales: readonly number[]): Goal[] {
  return [...TO_HAND_WRITTEN, ...OF_OWN_QUERIES, ...TO_ORIGINAL, ...OF_SCHEMA].map((goal) => {
    const { of = pylonDb.name, to = handWritten.name } = goal;
    const at = (rows: number) => {
      const found = measured.find((m) => m.rows === rows && m.operation.name === goal.operation);
      const [left, right] = [found?.turns.get(of), found?.turns.get(to)];
      return left === undefined || right === undefined ? undefined : ratio(left, right, CLOCK);
    };
    const reference = referenceScale(scales);
    const others = scales
      .filter((rows) => rows !== reference && at(rows) !== undefined)
      .map((rows) => `${at(rows)?.toFixed(2)} at ${inRows(rows)}`);
    return {
      what: goal.what,
      to: to === handWrittenPublished.name ? 'the published schema' : to,
      limit: goal.limit,
      unit: 'times',
      value: at(reference),
      on: [inRows(reference), ...others].join('; '),
    };
  });
}
