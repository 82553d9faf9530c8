import { PylonDbError } from '../../errors.js';
import type { Others } from './sides.js';

/** What a source holds alongside what is copied. */
export interface LeftBehind extends Others {
  /** Names in the ledger that are not ours. */
  readonly migrations: readonly string[];
}

/** Throws `NOT_SUPPORTED`, naming it, where anything is left behind. */
export function refuseLeftBehind(leftBehind: LeftBehind): void {
  const named = namesOf(leftBehind);
  if (named === '') return;
  throw new PylonDbError(
    'NOT_SUPPORTED',
    `the source holds more than the published tables, which would stay behind: ${named}`,
    {},
    {
      operation: '',
      hint: 'Nothing was copied. Take it along with --migrations FILE, or leave it behind with --published-only.',
    },
  );
}

/** `tables a, b; columns jobs.c`, or nothing. */
export function namesOf(leftBehind: Others | LeftBehind): string {
  return Object.entries(leftBehind)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`)
    .join('; ');
}
