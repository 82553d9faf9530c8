import { PylonDbError } from '../../errors.js';

/** `TIMEOUT` of a query. */
export function queryTimeout(timeoutMs: number): PylonDbError<'TIMEOUT'> {
  return new PylonDbError(
    'TIMEOUT',
    `the query was ended after ${timeoutMs / 1000} s`,
    { timeoutMs },
    { operation: '', hint: 'Look at its plan with --explain, narrow it, or raise --timeout.' },
  );
}
