import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';

const ROOT = join(import.meta.dirname, '../..');

// Umzug is CommonJS: whatever loads it shows in the cache of `require`.
const OPEN = `
  import { createRequire } from 'node:module';
  import { PylonDb } from './src/index.ts';
  const db = await PylonDb.open(process.env.PYLON_TEST_DB);
  await db.close();
  const loaded = Object.keys(createRequire(process.cwd() + '/x.js').cache);
  console.log(JSON.stringify({
    umzug: loaded.some((file) => file.includes('/node_modules/umzug/')),
    driver: loaded.some((file) => file.includes('/node_modules/better-sqlite3/')),
  }));`;

function loadedByOpening(path: string): unknown {
  const output = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', OPEN],
    { cwd: ROOT, env: { ...process.env, PYLON_TEST_DB: path }, encoding: 'utf8' },
  );
  return JSON.parse(output);
}

it('opens an up-to-date file without loading Umzug', async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  await (await PylonDb.open(path)).close();
  expect(loadedByOpening(path)).toEqual({ umzug: false, driver: true });
});

it('loads Umzug for a new file', () => {
  const path = join(temporaryFolder(), 'pylon.db');
  expect(loadedByOpening(path)).toEqual({ umzug: true, driver: true });
});
