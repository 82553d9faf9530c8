import { PylonDbError } from '../../errors.js';
import { INSUFFICIENT_PRIVILEGE, unwrapFailure } from './failures.js';
import { isServerError, messageWithoutValues, withoutSecrets } from './server-error.js';

/**
 * The error of what the role may not do: `CANNOT_OPEN` when it can't be read, else `READ_ONLY`.
 * `isRead` decides where the missing right isn't known. `undefined` for any other failure.
 */
export function noRight(
  error: unknown,
  { operation, address, isRead }: { operation?: string; address: string; isRead: boolean },
): PylonDbError | undefined {
  const cause = unwrapFailure(error);
  if (!isServerError(cause) || cause.code !== INSUFFICIENT_PRIVILEGE) return undefined;
  const problem = messageWithoutValues(cause);
  const context = { operation, cause: withoutSecrets(cause) };
  if (cause.missingRight?.isToRead ?? isRead) {
    return new PylonDbError(
      'CANNOT_OPEN',
      `${address} can't be read: ${problem}`,
      { path: address },
      {
        ...context,
        hint: 'Reading needs SELECT on tables and views, USAGE on their schema, EXECUTE on functions, and BYPASSRLS where policies hide rows: let the owner grant it, or connect as a role that has it.',
      },
    );
  }
  return new PylonDbError(
    'READ_ONLY',
    problem,
    {},
    {
      ...context,
      hint: 'Nothing of this call was stored. Let the owner grant it, or connect as a role that may write.',
    },
  );
}
