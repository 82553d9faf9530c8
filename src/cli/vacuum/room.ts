import { statfsSync } from 'node:fs';
import { PylonDbError } from '../../errors.js';

/** Left over for everybody else: the daemon's next commits, logs. */
const SPARE_BYTES = 16 * 1024 * 1024;

const BYTES_A_MIB = 1024 * 1024;

/** Throws `DISK_FULL` with both figures unless the disk of `folder` has room for so many bytes. */
export function assertRoom(folder: string, bytes: number): void {
  const needed = bytes + SPARE_BYTES;
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new PylonDbError(
    'DISK_FULL',
    `it needs ${mib(needed)} free on the disk of ${folder}, and there are ${mib(free)}`,
    {},
    { operation: '', hint: 'Nothing was changed. Free space there and run it again.' },
  );
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / BYTES_A_MIB).toLocaleString('en')} MiB`;
}
