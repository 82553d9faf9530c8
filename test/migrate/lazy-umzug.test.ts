import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { migratedFile } from '../migrated-file.js';
import { temporaryFolder } from '../temporary.js';

/** The package as it is shipped. */
const PACKAGE = dirname(dirname(inject('cli')));

// Umzug is CommonJS: whatever loads it shows in the cache of `require`.
const OPEN = `
  import { createRequire } from 'node:module';
  import { PylonDb } from './dist/index.js';
  const db = await PylonDb.open(process.env.PYLON_TEST_DB);
  await db.close();
  const loaded = Object.keys(createRequire(process.cwd() + '/x.js').cache);
  console.log(JSON.stringify({
    umzug: loaded.some((file) => file.includes('/node_modules/umzug/')),
    driver: loaded.some((file) => file.includes('/node_modules/better-sqlite3/')),
  }));`;

function loadedByOpening(path: string): unknown {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', OPEN], {
    cwd: PACKAGE,
    env: { ...process.env, PYLON_TEST_DB: path },
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

it('opens an up-to-date file without loading Umzug', () => {
  expect(loadedByOpening(migratedFile())).toEqual({ umzug: false, driver: true });
});

it('loads Umzug for a new file', () => {
  const path = join(temporaryFolder(), 'pylon.db');
  expect(loadedByOpening(path)).toEqual({ umzug: true, driver: true });
});
