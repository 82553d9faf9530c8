import { chmodSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkPermissions, repairModes } from '../../src/cli/check/permissions.js';
import { temporaryFolder } from '../temporary.js';

function file(name: string, mode: number): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, '');
  // Past the umask.
  chmodSync(path, mode);
  return path;
}

it('follows no link that stands in the place of a sidecar', () => {
  const target = file('somebody-elses', 0o666);
  const path = file('pylon.db', 0o600);
  symlinkSync(target, `${path}-wal`);
  expect(checkPermissions(path)).toEqual([]);
  expect(repairModes(path)).toEqual([]);
  expect(statSync(target).mode & 0o777).toBe(0o666);
});

it("keeps the owner's rights as they are", () => {
  const path = file('pylon.db', 0o455);
  expect(repairModes(path)).toEqual([path]);
  expect(statSync(path).mode & 0o7777).toBe(0o400);
  expect(checkPermissions(path)).toEqual([]);
});
