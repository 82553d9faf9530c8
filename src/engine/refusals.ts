import { PylonDbError } from '../errors.js';
import type { PreparedQuery } from './prepared.js';

// What every engine refuses, in the same words.

/** Calls whose SQL the caller wrote: where it doesn't fit, the database is not at fault. */
export const CALLERS_CALLS: readonly string[] = [
  ...['db.kysely', 'db.all', 'db.first', 'db.batch'],
  ...['tx.kysely', 'tx.all', 'tx.first', 'tx.batch'],
];

/** `CLOSED`. */
export function closedError(operation: string): PylonDbError<'CLOSED'> {
  return new PylonDbError(
    'CLOSED',
    'the database was closed',
    {},
    { operation, hint: 'Open it again with PylonDb.open.' },
  );
}

/** `READ_ONLY`, because the database was opened so. */
export function readOnlyError(operation: string): PylonDbError<'READ_ONLY'> {
  return new PylonDbError(
    'READ_ONLY',
    'the database is open for reading only',
    {},
    { operation, hint: 'Open it without readonly to write.' },
  );
}

/** `TIMEOUT` of a transaction, which was rolled back. */
export function timeoutError(operation: string, timeoutMs: number): PylonDbError<'TIMEOUT'> {
  return new PylonDbError(
    'TIMEOUT',
    `the transaction took longer than ${timeoutMs} ms`,
    { timeoutMs },
    { operation, hint: 'It was rolled back. Do slow work before or after it.' },
  );
}

/** `TRANSACTION_ENDED`, saying that it `how`: was committed, was rolled back. */
export function endedError(operation: string, how: string): PylonDbError<'TRANSACTION_ENDED'> {
  return new PylonDbError(
    'TRANSACTION_ENDED',
    `its transaction ${how}`,
    {},
    { operation, hint: 'Await every call on tx before the callback returns.' },
  );
}

/** Throws `INVALID_ARGUMENT` when two columns of a result have one name: a row has room for one. */
export function assertDistinct(columns: readonly string[]): void {
  if (new Set(columns).size === columns.length) return;
  const twice = columns.find((name, i) => columns.indexOf(name) !== i) ?? '';
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `two columns of the result are named ${JSON.stringify(twice)}`,
    { field: twice },
    { hint: 'Give one of them another name: jobs.id as job_id.' },
  );
}

/** Throws `OUT_OF_RANGE` for a generated key that a JavaScript number can't hold: it was rounded. */
export function assertExactKey(prepared: PreparedQuery<unknown>, insertId: number): void {
  const { generatedKey: column, outcome } = prepared;
  if (column === undefined || Number.isSafeInteger(insertId)) return;
  const table = outcome?.table ?? '';
  throw new PylonDbError(
    'OUT_OF_RANGE',
    `the database gave a new row of ${table} a value of ${column} beyond 2^53-1`,
    { table, column },
    {
      hint: 'Nothing of this call was stored. Another program raised the counter of its keys (sqlite_sequence, on a server the sequence): set it back to the highest key.',
    },
  );
}

/**
 * `SCHEMA_MISMATCH` of a unit that was undone, because a row of `table` that it wrote isn't there:
 * a trigger of another program swallowed or removed it. `what` says which row: `job event123`.
 */
export function rowSwallowedError(
  operation: string,
  table: string,
  what: string,
): PylonDbError<'SCHEMA_MISMATCH'> {
  const problem = `a trigger on ${table} kept ${what} from being stored`;
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    problem,
    { problems: [problem] },
    {
      operation,
      hint: 'Nothing of this call was stored. Find the trigger in sqlite_master, on a server in pg_trigger, and have its program leave such rows alone.',
    },
  );
}
