import { PylonDbError } from '../../errors.js';

/** An `INVALID_ARGUMENT` about the file that is to be restored. */
export function badPath(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field: 'backup' },
    { operation: '', hint: `Nothing was changed. ${hint}` },
  );
}
