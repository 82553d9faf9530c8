import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listBackups } from '../../src/backup/list.js';
import { removeLeftovers } from '../../src/backup/partial-files.js';
import { PylonDb } from '../../src/index.js';
import { CLI } from '../cli/command.js';
import { job } from '../engine/fresh.js';
import { temporaryFolder } from '../temporary.js';
import { expectTrueManifest, filled, temporariesIn } from './backups.js';
import { built } from './built.js';

const [stopsAtStep = ''] = await built(join(import.meta.dirname, 'stops-at-step.ts'));

/** Steps before which a process is really killed; what the others would leave is kept by one run. */
const KILLED = [1, 5, 9];

it.each(['a folder', 'a file that it replaces'])(
  'killed before any of its changes to the file system, a backup into %s is sound',
  async (destination) => {
    const { db, path } = await filled();
    await db.close();
    const before = temporaryFolder();
    if (destination !== 'a folder') await backedUp(path, join(before, 'copy.db'));
    const [old] = readdirSync(before).map(() => readFileSync(join(before, 'copy.db')));
    const states: Record<string, number> = {};

    /** What a backup leaves in `folder` that ends before the step. */
    const soundIn = (folder: string, step: number) => {
      removeLeftovers(folder);
      expect(temporariesIn(folder), `step ${step}`).toEqual([]);
      return stateOf(folder, old);
    };
    const backUp = (env: Readonly<Record<string, string>>) => {
      const folder = temporaryFolder();
      cpSync(before, folder, { recursive: true });
      const into = destination === 'a folder' ? [folder] : [join(folder, 'copy.db'), '--force'];
      const { signal, status } = spawnSync(
        process.execPath,
        ['--import', stopsAtStep, CLI, 'backup', ...into, '--db', path],
        { stdio: 'ignore', env: { ...process.env, IN_FOLDER: folder, ...env } },
      );
      return { folder, signal, status };
    };

    const kept = temporaryFolder();
    const whole = backUp({ KEEP_STATES: kept });
    expect({ ...whole, state: soundIn(whole.folder, 0) }).toMatchObject({
      status: 0,
      state: 'new',
    });
    const steps = readdirSync(kept).length;
    for (let step = 1; step <= steps; step++) {
      const state = soundIn(join(kept, String(step)), step);
      states[state] = (states[state] ?? 0) + 1;
      if (!KILLED.includes(step)) continue;
      const killed = backUp({ AT_STEP: String(step) });
      expect(killed.signal).toBe('SIGKILL');
      expect(soundIn(killed.folder, step)).toBe(state);
    }
    console.log(
      `backup into ${destination}, ended before ${steps} steps: ${JSON.stringify(states)}`,
    );
    expect(steps).toBeGreaterThan(8);
    expect(states['old']).toBeGreaterThan(3);
  },
);

/** What stands in a folder, all of it sound: `unfinished` is seen by `list`, and refused by `verify`. */
function stateOf(folder: string, old: Buffer | undefined): 'old' | 'new' | 'unfinished' {
  const [found, ...others] = listBackups(folder, Date.now() / 1000);
  expect(others).toEqual([]);
  if (found === undefined) {
    // No manifest that names nothing, either.
    expect(readdirSync(folder)).toEqual([]);
    return 'old';
  }
  if (found.state === 'no manifest') return 'unfinished';
  expect(found.state).toBe('complete');
  expectTrueManifest(found.path);
  return old?.equals(readFileSync(found.path)) === true ? 'old' : 'new';
}

async function backedUp(path: string, backup: string): Promise<void> {
  const db = await PylonDb.open(path);
  await db.backup(backup);
  await db.jobs.create(job('since'));
  await db.close();
}
