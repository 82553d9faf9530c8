import type { QueryValue } from './read-statement.js';

/** Bytes that a number or NULL counts for. */
const SCALAR_BYTES = 8;

/** How much of a result's bytes a row takes: of its values, not of their text. */
export function rowSize(row: readonly QueryValue[]): number {
  return row.reduce<number>((sum, value) => {
    if (typeof value === 'string') return sum + value.length;
    return sum + (value instanceof Uint8Array ? value.byteLength : SCALAR_BYTES);
  }, 0);
}
