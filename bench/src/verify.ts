import { deepStrictEqual } from 'node:assert/strict';
import Database from 'better-sqlite3';
import type { Entry } from './contestant.js';
import type { Datasets } from './dataset.js';
import { type Operation, runCalls } from './operations.js';
import type { Runner } from './runner.js';
import { Workload } from './workload.js';

/** Rows of the databases on which all results and tables are compared. */
const ROWS = 2000;

/** Calls of each operation: enough that the compiler has seen everything before times are taken. */
const CALLS = 100;

const TABLES = ['jobs', 'earnings', 'agents', 'tick_history'];
const TABLES_OF_OURS = ['pylon_db_job_totals', 'pylon_db_earning_hours'];

/**
 * Runs every operation with every contestant on a database of its own. Throws unless each gives
 * what the first one gives, and all tables are equal in the end.
 */
export async function verifyAll(
  entries: readonly Entry[],
  operations: readonly Operation[],
  datasets: Datasets,
): Promise<void> {
  let expected: Outcome | undefined;
  for (const entry of entries) {
    const outcome = await outcomeOf(entry, operations, datasets);
    expected ??= outcome;
    for (const [name, result] of outcome.results) {
      deepStrictEqual(result, expected.results.get(name), `${entry.name} differs in ${name}`);
    }
    for (const [name, rows] of outcome.tables) {
      deepStrictEqual(rows, expected.tables.get(name), `${entry.name} differs in table ${name}`);
    }
  }
}

/** Throws unless all runners, their databases untouched, give the same for every question. */
export async function verifyReads(
  runners: readonly Runner[],
  operations: readonly Operation[],
  rows: number,
): Promise<void> {
  for (const operation of operations.filter((each) => !each.writes)) {
    let expected: unknown;
    for (const { name, contestant } of runners) {
      const call = operation.call(new Workload(rows));
      const result = await call(contestant);
      expected ??= result;
      deepStrictEqual(result, expected, `${name} differs in ${operation.name} of ${rows} rows`);
    }
  }
}

interface Outcome {
  readonly results: ReadonlyMap<string, readonly unknown[]>;
  readonly tables: ReadonlyMap<string, unknown[]>;
}

async function outcomeOf(
  entry: Entry,
  operations: readonly Operation[],
  datasets: Datasets,
): Promise<Outcome> {
  const path = await datasets.copy(ROWS, entry.schema);
  const contestant = await entry.open(path);
  const workload = new Workload(ROWS);
  const results = new Map<string, unknown[]>();
  // What reads is run once more at the end: then it reads what the others wrote.
  for (const operation of [...operations, ...operations.filter((each) => !each.writes)]) {
    const count = Math.max(operation.callers, CALLS / operation.rowsACall);
    const calls = Array.from({ length: count }, () => operation.call(workload));
    const name = results.has(operation.name) ? `${operation.name} after writes` : operation.name;
    results.set(name, await runCalls(operation, contestant, calls));
  }
  await contestant.close();
  const db = new Database(path, { readonly: true });
  const names = [...TABLES, ...(entry.schema === 'ours' ? TABLES_OF_OURS : [])];
  const tables = names.map((name): [string, unknown[]] => {
    return [name, db.prepare(`select * from ${name} order by 1`).all()];
  });
  db.close();
  datasets.remove(path);
  return { results, tables: new Map(tables) };
}
