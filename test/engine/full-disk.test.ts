import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { migratedFile } from '../migrated-file.js';
import { fill, NO_TMPFS, smallDisk } from '../small-disk.js';
import { failureOf } from './failure.js';

const MEBIBYTE = 1024 * 1024;

it('a file that was cleanly closed on a full disk is DISK_FULL to open, for writing and reading', async (context) => {
  const disk = smallDisk(MEBIBYTE);
  if (disk === undefined) return context.skip(NO_TMPFS);
  const path = join(disk, 'pylon.db');
  migratedFile(path);
  fill(disk);
  await failureOf(PylonDb.open(path), 'DISK_FULL');
  const error = await failureOf(PylonDb.open(path, { readonly: true }), 'DISK_FULL');
  expect(error.hint).toContain('Free space');
  await failureOf(PylonDb.open(join(disk, 'new.db')), 'DISK_FULL');
});
