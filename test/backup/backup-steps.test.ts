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

it.each(['a folder', 'a file that it replaces'])(
  'killed before any of its changes to the file system, a backup into %s is sound',
  async (destination) => {
    const { db, path } = await filled();
    await db.close();
    const before = join(temporaryFolder());
    if (destination !== 'a folder') await backedUp(path, join(before, 'copy.db'));
    const old = readdirSync(before);
    const states: Record<string, number> = {};
    let step = 1;
    for (; ; step++) {
      const folder = temporaryFolder();
      cpSync(before, folder, { recursive: true });
      const into = destination === 'a folder' ? [folder] : [join(folder, 'copy.db'), '--force'];
      const { signal, status } = await diesAt(step, folder, ['backup', ...into, '--db', path]);
      removeLeftovers(folder);
      expect(temporariesIn(folder), `step ${step}`).toEqual([]);
      const state = stateOf(
        folder,
        old.length > 0 ? readFileSync(join(before, 'copy.db')) : undefined,
      );
      states[state] = (states[state] ?? 0) + 1;
      if (signal === null) {
        expect({ status, state }).toEqual({ status: 0, state: 'new' });
        break;
      }
      expect(signal).toBe('SIGKILL');
      expect(step).toBeLessThan(60);
    }
    console.log(
      `backup into ${destination}, killed before ${step - 1} steps: ${JSON.stringify(states)}`,
    );
    expect(step).toBeGreaterThan(8);
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

async function diesAt(step: number, folder: string, args: readonly string[]) {
  return spawnSync(process.execPath, ['--import', stopsAtStep, CLI, ...args], {
    stdio: 'ignore',
    env: { ...process.env, IN_FOLDER: folder, AT_STEP: String(step) },
  });
}
