import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CLI, pylonDb } from '../cli/command.js';
import { temporaryFolder } from '../temporary.js';
import { expectTrueManifest, filled } from './backups.js';
import { built } from './built.js';

const [stopsAtStep = ''] = await built(join(import.meta.dirname, 'stops-at-step.ts'));

/** Steps in which a backup takes its name and goes there; before, it only has hidden names. */
const STEPS = [1, 4, 6, 7, 8, 9, 10, 12, 14, 16, 18];

it('two processes that make one backup of the same name: one does, wherever they meet', async () => {
  const { db, path } = await filled();
  await db.close();
  const met: number[] = [];
  for (const step of STEPS) {
    const folder = temporaryFolder();
    const go = join(temporaryFolder(), 'go');
    const backup = ['backup', join(folder, 'copy.db'), '--db', path];
    const first = spawn(process.execPath, ['--import', stopsAtStep, CLI, ...backup], {
      stdio: 'ignore',
      env: { ...process.env, IN_FOLDER: folder, AT_STEP: String(step), WAIT_FOR: go },
    });
    const ended = once(first, 'close');
    while (!existsSync(`${go}.asked`) && first.exitCode === null) await sleep(5);
    if (first.exitCode === null) met.push(step);
    const second = await pylonDb(backup);
    writeFileSync(go, '');
    await ended;
    const codes = [first.exitCode, second.exitCode].sort();
    expect({ step, codes }).toEqual({ step, codes: [0, 2] });
    expect(readdirSync(folder), `step ${step}`).toEqual(['copy.db', 'copy.db.json']);
    expectTrueManifest(join(folder, 'copy.db'));
  }
  console.log(`two backups of one name met in ${met.length} steps: ${met.join(', ')}`);
  expect(met.length).toBeGreaterThan(7);
});
