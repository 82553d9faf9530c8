import { PylonDbError } from '../errors.js';

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
