import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { allOf } from '../backup/backups.js';
import { temporaryFolder } from '../temporary.js';
import { backup, database } from './backed-up.js';
import { CLI } from './command.js';

it('restores where no other program is installed, and keeps a safety copy for its owner only', async () => {
  const [path, copy] = [await database(), await backup()];
  const before = allOf(path);
  const args = [CLI, 'restore', copy, '--db', path];
  const env = { PATH: temporaryFolder() };
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('is kept as') });
  const name = readdirSync(dirname(path)).find((file) => /\.before-restore-\w+$/.test(file)) ?? '';
  const safety = join(dirname(path), name);
  expect(allOf(safety)).toEqual(before);
  expect(statSync(safety).mode & 0o777).toBe(0o600);
});
