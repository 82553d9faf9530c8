import { openedForReading } from '../engine/sqlite/database-file.js';
import { roomAt } from '../engine/sqlite/room.js';
import { isReadOnly } from '../engine/sqlite/sqlite-errors.js';
import { cannotUse, isNoRoom, systemCode } from '../engine/sqlite/system-error.js';
import { isPylonDbError, PylonDbError } from '../errors.js';

/**
 * What a failure of the file system, or of SQLite's writing at `path`, is to the caller:
 * `DISK_FULL` with what is free and, where that is known, needed there, `ABORTED` when the disk failed,
 * or `CANNOT_OPEN`, also when SQLite could open `path` for reading only. Gives other errors back. What
 * was written in vain is to be removed before.
 */
export function fileProblem(
  error: unknown,
  path: string,
  operation = '',
  neededBytes?: number,
): unknown {
  const noRoom = (cause: unknown) => noRoomAt(path, operation, neededBytes, cause);
  if (isPylonDbError(error, 'DISK_FULL')) return noRoom(error.cause);
  if (isNoRoom(error)) return noRoom(error);
  // Whether it may be written was looked at before.
  if (isReadOnly(error)) return openedForReading(path, operation, error);
  return systemCode(error) === undefined ? error : cannotUse(error, path, operation);
}

function noRoomAt(
  path: string,
  operation: string,
  neededBytes: number | undefined,
  cause: unknown,
): PylonDbError {
  return new PylonDbError(
    'DISK_FULL',
    `there is no room at ${path}: ${roomAt(path, neededBytes)}`,
    {},
    {
      operation,
      cause,
      hint: 'No unfinished file is left there. Free space, or choose another disk.',
    },
  );
}
