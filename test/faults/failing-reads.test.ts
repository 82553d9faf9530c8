import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';
import { createControl, FailingCalls } from './failing-calls.js';
import { buildPreload, failing } from './failing-preload.js';

const preload = buildPreload();

/** Rows enough for pages of each kind. */
const ROWS = 300;

interface Place {
  readonly path: string;
  readonly backup: string;
}

/** Made once, and copied for each failing read: a restore changes it. */
const template = (async () => {
  const folder = mkdtempSync(join(inject('runFolder'), 'failing-reads-'));
  const path = join(folder, 'live.db');
  const db = await PylonDb.open(path);
  const ids = Array.from({ length: ROWS }, (_, i) => `job-${i}`);
  await Promise.all(
    ids.map((id) => db.jobs.create({ id, kind: 1, customer_pubkey: 'x'.repeat(500) })),
  );
  await db.backup(join(folder, 'kept.db'));
  await db.close();
  return folder;
})();

async function place(): Promise<Place> {
  const folder = temporaryFolder();
  cpSync(await template, folder, { recursive: true });
  return { path: join(folder, 'live.db'), backup: join(folder, 'kept.db') };
}

interface Ended {
  readonly failed: number;
  readonly exitCode: number | null;
  readonly stderr: string;
}

/** Runs a command while the disk doesn't give some bytes of a file: once, or from then on. */
function run(args: readonly string[], file: string, nth: number, times: number): Ended {
  const control = join(temporaryFolder(), 'control');
  createControl(control);
  const calls = new FailingCalls(control);
  calls.begin({ call: 'read', error: 'EIO', file, nth, times });
  const cli = [process.execPath, inject('cli'), ...args];
  const [program = '', ...rest] = [...failing(preload, control), ...cli];
  const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  return { failed: calls.end(), exitCode: status, stderr };
}

const COMMANDS: Readonly<Record<string, (at: Place) => { args: string[]; file: string }>> = {
  check: ({ path }) => ({ args: ['check', '--db', path], file: 'live.db' }),
  backup: ({ path }) => ({
    args: ['backup', '--db', path, join(dirname(path), 'new.db')],
    file: 'live.db',
  }),
  'backup, of its copy': ({ path }) => ({
    args: ['backup', '--db', path, join(dirname(path), 'new.db')],
    file: 'new.db',
  }),
  'backup verify': ({ backup }) => ({ args: ['backup', 'verify', backup], file: 'kept.db' }),
  restore: ({ path, backup }) => ({ args: ['restore', backup, '--db', path], file: 'live.db' }),
  'restore, of the backup': ({ path, backup }) => ({
    args: ['restore', backup, '--db', path],
    file: 'kept.db',
  }),
};

/** Runs the command with the second read failing, the ninth, the 37th …, until none is left. */
async function withEach(
  name: string,
  times: number,
  look: (ended: Ended, at: Place) => void,
): Promise<void> {
  let failures = 0;
  for (let nth = 2; ; nth = nth * 4 + 1) {
    const at = await place();
    const { args, file } = COMMANDS[name]?.(at) ?? { args: [], file: '' };
    const ended = run(args, file, nth, times);
    if (ended.failed === 0) break;
    failures += 1;
    look({ ...ended, stderr: `read ${nth}: ${ended.stderr}` }, at);
  }
  expect(failures).toBeGreaterThan(2);
}

// Skipped where no C compiler is: there no call of the system can be made to fail.
describe.skipIf(preload === undefined).each(Object.keys(COMMANDS))('%s', (name) => {
  it('takes one read that the disk failed for no damage', async () => {
    await withEach(name, 1, ({ exitCode, stderr }, { path }) => {
      expect([0, 1], stderr).toContain(exitCode);
      expect(stderr).not.toMatch(/damaged|latest backup/);
      if (exitCode === 1) expect(stderr).toMatch(/disk|holds what it held before/);
      expect(readdirSync(dirname(path)).filter((file) => file.includes('damaged'))).toEqual([]);
    });
  });

  it('says that the disk fails where it goes on failing, and calls nothing damaged', async () => {
    await withEach(name, -1, ({ exitCode, stderr }, { path }) => {
      expect(exitCode, stderr).toBe(1);
      expect(stderr).toContain('disk');
      expect(stderr).not.toMatch(/damaged|latest backup/);
      expect(readdirSync(dirname(path)).filter((file) => file.includes('damaged'))).toEqual([]);
    });
  });
});
