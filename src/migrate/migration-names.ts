import { PylonDbError } from '../errors.js';

/** The ledger row that the published schema goes by, in every implementation. */
export const INITIAL_MIGRATION = '001_initial_schema';

/** Ledger rows of this form are ours; all others are somebody else's. */
export const OUR_MIGRATION = /^\d+_pylon_db_/;

/** Also what makes a file's name on every system. */
const NAME = /^[0-9A-Za-z][\w-]*$/;

/** Throws `INVALID_ARGUMENT` for a list with a name that can't be a migration's. */
export function assertMigrationNames(list: object, field: string, operation: string): void {
  for (const name of Object.keys(list)) {
    // JavaScript puts the keys of an object that are plain integers before all others.
    if (NAME.test(name) && !/^\d+$/.test(name)) continue;
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(name)} can't be the name of a migration`,
      { field },
      {
        operation,
        hint: 'Use letters, digits, _ and -, a letter or digit first, and more than digits: 002_add_priority.',
      },
    );
  }
}

/**
 * The row of the ledger that may be the migration `name` under an old name: it isn't in the list, and
 * has the same words, the same number or the same place. Other programs' rows look alike.
 */
export function likelyOldName(
  name: string,
  list: readonly string[],
  applied: readonly string[],
): string | undefined {
  const unlisted = applied.filter((other) => !list.includes(other) && !OUR_MIGRATION.test(other));
  const before = list[list.indexOf(name) - 1];
  return (
    unlisted.find((other) => wordsOf(other) === wordsOf(name)) ??
    unlisted.find((other) => numberOf(other) === numberOf(name)) ??
    unlisted.find((other) => applied[applied.indexOf(other) - 1] === before)
  );
}

const wordsOf = (name: string) => name.replace(/^\d+[_-]?/, '').toLowerCase();

const numberOf = (name: string) => /^\d+/.exec(name)?.[0];

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
