import { PylonDbError } from '../errors.js';

/**
 * The newest `count` applied migrations that `list` has, the last first. Newest is what stands last
 * in the list: pylon-db's own come first there, also when an update applied one after a service's.
 * Throws `INVALID_ARGUMENT` when others, which the list lacks, were applied after one of them:
 * whoever reverts the newest means those.
 */
export function newestKnown(
  applied: readonly string[],
  list: object,
  count: number,
  operation: string,
): string[] {
  const known = Object.keys(list).filter((name) => applied.includes(name));
  const newest = known.slice(-count).reverse();
  const [oldest] = newest.slice(-1);
  if (oldest === undefined) return [];
  const above = applied
    .slice(applied.indexOf(oldest))
    .filter((name) => !Object.hasOwn(list, name))
    .reverse();
  if (above.length === 0) return newest;
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${above.join(', ')} ${above.length === 1 ? 'was' : 'were'} applied after ${oldest}, and the list of migrations lacks ${above.length === 1 ? 'it' : 'them'}`,
    { field: 'migrations' },
    {
      operation,
      hint: 'Nothing was changed. Give the list that has all of them: --migrations FILE.',
    },
  );
}
