import { IN_MEMORY } from '../engine/sqlite/open.js';
import { type Check, invalid, key, object } from '../schema/input.js';
import type { OnProgress } from './progress.js';

/** How a backup is made. */
export interface BackupOptions {
  /** Called now and then; what it throws ends the backup. */
  readonly onProgress?: OnProgress;
  /** Ends the backup with `ABORTED`; nothing is left of it. */
  readonly signal?: AbortSignal;
  /** Replace a backup of the same name. Default false. */
  readonly force?: boolean;
}

const listener: Check = (value, field, operation) => {
  if (typeof value !== 'function') throw invalid(field, operation, 'a function', value);
};

const abortSignal: Check = (value, field, operation) => {
  if (!(value instanceof AbortSignal)) throw invalid(field, operation, 'an AbortSignal', value);
};

const flag: Check = (value, field, operation) => {
  if (typeof value !== 'boolean') throw invalid(field, operation, 'true or false', value);
};

const backupOptions = object({ onProgress: listener, signal: abortSignal, force: flag });

/** Throws `INVALID_ARGUMENT` for what `db.backup` can't take. */
export function checkInput(destination: string, options: BackupOptions, operation: string): void {
  key(destination, 'destination', operation);
  if (destination === IN_MEMORY || /^[a-z][a-z0-9+.-]*:\/\//i.test(destination)) {
    throw invalid('destination', operation, 'the path of a file or a folder', destination);
  }
  backupOptions(options, 'options', operation);
}
