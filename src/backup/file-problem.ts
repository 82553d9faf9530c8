import { cannotUse, isNoRoom, systemCode } from '../engine/sqlite/system-error.js';
import { isPylonDbError, PylonDbError } from '../errors.js';

/**
 * What a failure of the file system, or of SQLite's writing at `path`, is to the caller:
 * `DISK_FULL`, `ABORTED` when the disk failed, or `CANNOT_OPEN`. Gives other errors back.
 */
export function fileProblem(error: unknown, path: string, operation: string): unknown {
  if (isPylonDbError(error, 'DISK_FULL')) return noRoom(path, operation, error.cause);
  if (isNoRoom(error)) return noRoom(path, operation, error);
  return systemCode(error) === undefined ? error : cannotUse(error, path, operation);
}

function noRoom(path: string, operation: string, cause: unknown): PylonDbError {
  return new PylonDbError(
    'DISK_FULL',
    `there is no room at ${path}`,
    {},
    {
      operation,
      cause,
      hint: 'No unfinished file is left there. Free space, or choose another disk.',
    },
  );
}
