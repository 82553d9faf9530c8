import { PylonDbError } from '../../errors.js';
import type { CopiedTable } from './tables.js';

/** Throws `INVALID_ARGUMENT` when tables of the destination have rows. */
export function refuseRows(address: string, filled: readonly CopiedTable[]): void {
  if (filled.length === 0) return;
  const names = filled.map(({ name }) => name).join(', ');
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${address} isn't empty: there are rows in ${names}`,
    { field: 'to' },
    { operation: '', hint: 'Nothing was changed. Give a new file, or a schema without rows.' },
  );
}
