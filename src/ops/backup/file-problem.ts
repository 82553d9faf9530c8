import { isPylonDbError, PylonDbError } from '../../errors.js';

/** Codes of a disk, a quota or a limit that has no room for the file. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * What a failure of the file system, or of SQLite's writing at `path`, is to the caller:
 * `DISK_FULL`, `ABORTED` when the disk failed, or `CANNOT_OPEN`. Gives other errors back.
 */
export function fileProblem(error: unknown, path: string, operation: string): unknown {
  if (isPylonDbError(error, 'DISK_FULL')) return noRoom(path, operation, error.cause);
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  const code = String(error.code);
  if (NO_ROOM.has(code)) return noRoom(path, operation, error);
  if (code === 'EIO') {
    return new PylonDbError(
      'ABORTED',
      `the disk failed at ${path}`,
      {},
      { operation, cause: error, hint: 'Check the disk, then retry or choose another.' },
    );
  }
  return new PylonDbError(
    'CANNOT_OPEN',
    code === 'ENOENT' ? `there is no ${path}` : `${path} can't be used (${code})`,
    { path },
    { operation, cause: error, hint: 'Check that it exists, and that you may use it.' },
  );
}

function noRoom(path: string, operation: string, cause: unknown): PylonDbError {
  return new PylonDbError(
    'DISK_FULL',
    `there is no room at ${path}`,
    {},
    { operation, cause, hint: 'Nothing is left there. Free space, or choose another disk.' },
  );
}
