import { PylonDbError } from '../errors.js';

/**
 * The newest `count` applied migrations that `list` has, the last first. Newest is what stands last
 * in the list: pylon-db's own come first there, also when an update applied one after a service's.
 * Throws `INVALID_ARGUMENT` when others, which the list lacks, were applied after one of them:
 * whoever reverts the newest means those. `command` is what takes a name in that case: the others may
 * be another program's, which no list has.
 */
export function newestKnown(
  applied: readonly string[],
  list: object,
  count: number,
  operation: string,
  command: 'down' | 'redo',
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
  const [were, them] = above.length === 1 ? ['was', 'it'] : ['were', 'them'];
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `${above.join(', ')} ${were} applied after ${oldest}, and the list of migrations lacks ${them}`,
    { field: 'migrations' },
    {
      operation,
      hint: `Nothing was changed. If your service applied ${them}, give its list: --migrations FILE. If another program did, name what you mean: \`pylon-db migrate ${command} ${newest[0]}\`.`,
    },
  );
}
