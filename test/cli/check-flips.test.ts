import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { check } from '../../src/cli/check/task.js';
import { isPylonDbError, PylonDb } from '../../src/index.js';
import { temporaryFolder } from '../temporary.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/node-001.db', import.meta.url));

/** Files a test; each takes about 10 ms. */
const RUNS = 300;

/** And at most so long, in ms. */
const LIMIT_MS = 20_000;

/** What a file may be to us that somebody's disk changed. */
const REFUSALS = ['NOT_A_DATABASE', 'CANNOT_OPEN', 'SCHEMA_MISMATCH', 'CORRUPT_ROW', 'ABORTED'];

it('answers, or refuses in words, whatever byte of a file is another', async () => {
  const path = join(temporaryFolder(), 'pylon.db');
  copyFileSync(FIXTURE, path);
  chmodSync(path, 0o600);
  await (await PylonDb.open(path)).close();
  // A file in this mode is read without sidecars, which would hide what is written below.
  const db = new Database(path);
  db.pragma('journal_mode = delete');
  db.close();
  const whole = readFileSync(path);

  const input = { path, depth: 'full', repair: false, busyTimeoutMs: 100 } as const;
  const reported = { damaged: 0, other: 0, ok: 0 };
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
      const bytes = Buffer.from(whole);
      bytes[at] = byte;
      writeFileSync(path, bytes);
      try {
        const { findings } = await check(input, () => {});
        if (findings.length === 0) reported.ok += 1;
        else if (findings.some(({ severity }) => severity === 'damage')) reported.damaged += 1;
        else reported.other += 1;
      } catch (error) {
        if (!isPylonDbError(error)) throw error;
        expect(REFUSALS).toContain(error.code);
      }
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS, markInterruptAsFailure: false },
  );
  expect(reported.damaged).toBeGreaterThan(0);
});
