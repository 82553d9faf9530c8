import { OUR_MIGRATION } from './schema-check.js';

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
