import { type ErrorCode, isPylonDbError, type PylonDbError } from '../../errors.js';

/** The exit codes of every command (DESIGN §8). */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  /** Migrations are pending, or the schema drifted. */
  schema: 3,
  integrity: 4,
  busy: 5,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  CORRUPT: EXIT.integrity,
  CORRUPT_ROW: EXIT.integrity,
  // Commands store no amounts, so this is one that stands in the file.
  OUT_OF_RANGE: EXIT.integrity,
  BACKUP_INVALID: EXIT.integrity,
  BUSY: EXIT.busy,
  IN_USE: EXIT.busy,
};

/** The exit code that says what kind of failure it was. */
export function exitCodeOf(error: unknown): number {
  if (!isPylonDbError(error)) return EXIT.error;
  if (isPending(error)) return EXIT.schema;
  return BY_CODE[error.code] ?? EXIT.error;
}

/** Whether it failed because migrations are pending: another program's file has none. */
export function isPending(error: PylonDbError): boolean {
  return isPylonDbError(error, 'SCHEMA_MISMATCH') && error.pending !== undefined;
}
