import { PylonDbError } from '../../errors.js';
import { PUBLISHED_TABLES, type PublishedTable } from '../../schema/tables.js';
import type { Described } from './described.js';
import type { CopyRequest } from './sides.js';

/** A table, by its name. */
export type Named = Pick<PublishedTable, 'name'>;

/** Throws `INVALID_ARGUMENT` when tables of the destination have rows. */
export function refuseRows(address: string, filled: readonly Named[]): void {
  if (filled.length === 0) return;
  const names = filled.map(({ name }) => name).join(', ');
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${address} isn't empty: there are rows in ${names}`,
    { field: 'to' },
    { operation: '', hint: 'Nothing was changed. Give a new file, or a schema without rows.' },
  );
}

/** Of the tables that will be filled those that are there, before anything is migrated. */
export function toFill({ source }: CopyRequest, there: Described): Named[] {
  const own = [...(source?.keys() ?? [])].map((name) => ({ name })).filter(isOwnTable);
  return [...PUBLISHED_TABLES, ...own].filter(({ name }) => there.has(name));
}

/** Whether a table is not published. */
export function isOwnTable({ name }: Named): boolean {
  return !PUBLISHED_TABLES.some((table) => table.name === name);
}
