import { migrations } from '../../../migrations/index.js';
import { PylonDbError } from '../../errors.js';
import type { CopySource, Others } from './sides.js';

/** What a source holds alongside what is copied. */
export interface LeftBehind extends Others {
  /** Names in the ledger that are not ours. */
  readonly migrations: readonly string[];
}

/** What a copy of the published tables leaves behind. */
export async function leftBehindOf(source: CopySource): Promise<LeftBehind> {
  const names = (await source.ledger()).map(({ name }) => name);
  return {
    ...(await source.others()),
    migrations: names.filter((name) => !Object.hasOwn(migrations, name)),
  };
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
      hint: 'Nothing was copied. Run it again with --published-only to leave that behind.',
    },
  );
}

/** `tables a, b; columns jobs.c`, or nothing. */
export function namesOf(leftBehind: LeftBehind): string {
  return Object.entries(leftBehind)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.join(', ')}`)
    .join('; ');
}
