import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OpenOptions } from '../../src/index.js';
import { testFile } from '../file.js';
import { temporaryFolder } from '../temporary.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';
import { damaged } from './what-is-opened-damage.js';
import { openMany } from './what-is-opened-many.js';
import type { Failed } from './what-is-opened-worker.js';

// More: PYLON_FUZZ_FILES=5000 PYLON_FUZZ_SEED=1 npx vitest run test/faults/what-is-opened-damaged.test.ts

const SEED = fuzzSeed();
const FILES = Number(process.env['PYLON_FUZZ_FILES'] ?? 360);
/** Processes that open them side by side. */
const PROCESSES = 2;

/** What a damaged file may be reported as when it is opened. */
const REFUSALS = [
  ...['CORRUPT', 'CORRUPT_ROW', 'NOT_A_DATABASE', 'SCHEMA_MISMATCH', 'MIGRATION_FAILED'],
];
/** And when damage is met later. */
const FAILURES = [
  ...[...REFUSALS, 'OUT_OF_RANGE', 'NOT_FOUND', 'ALREADY_EXISTS', 'DUPLICATE_PAYMENT'],
];

const MODES: readonly [name: string, options: OpenOptions][] = [
  ['to write', {}],
  ['to read', { readonly: true }],
];

describe.each(MODES)(`opened %s, a damaged file (seed ${SEED})`, (mode, options) => {
  it(`of ${FILES / 2} never crashes, hangs or changes when it is refused`, async () => {
    const random = new Random(SEED + (options.readonly === true ? 1 : 0));
    const whole = await wholeFile();
    const folder = temporaryFolder();
    const files = random.list(FILES / 2, () => damaged(whole, random));
    const paths = files.map(({ how, bytes }, i) => {
      const path = join(folder, `${i} ${how}`, 'pylon.db');
      mkdirSync(dirname(path));
      writeFileSync(path, bytes);
      return path;
    });

    const shares = Array.from({ length: PROCESSES }, (_, own) =>
      paths.filter((_path, i) => i % PROCESSES === own),
    );
    const runs = await Promise.all(shares.map((share) => openMany(share, options)));
    expect(runs.flatMap(({ crashed }) => crashed)).toEqual([]);
    expect(runs.flatMap(({ hung }) => hung)).toEqual([]);
    const opened = runs.flatMap((run) => run.opened);
    expect(opened.map(({ path }) => path).sort()).toEqual([...paths].sort());

    let refused = 0;
    const untold: string[] = [];
    for (const { path, ...outcome } of opened) {
      const label = `${basename(dirname(path))} of seed ${SEED} ${mode}`;
      const failures = [...outcome.failed.filter(isUntoldBy(FAILURES))];
      if (outcome.refused !== undefined) {
        refused += 1;
        failures.push(...[outcome.refused].filter(isUntoldBy(REFUSALS)));
      }
      untold.push(...failures.map((failure) => `${label}: ${JSON.stringify(failure)}`));
      // A migration before the one that met the damage may stay.
      const mayChange =
        outcome.refused === undefined || outcome.refused.code === 'MIGRATION_FAILED';
      if (mayChange && options.readonly !== true) continue;
      const was = files[paths.indexOf(path)]?.bytes;
      expect(was?.equals(readFileSync(path)), `${label} is as it was`).toBe(true);
      const others = readdirSync(dirname(path)).filter((name) => !/-(wal|shm)$/.test(name));
      expect(others, label).toEqual(['pylon.db']);
    }
    expect(untold).toEqual([]);
    expect(refused).toBeGreaterThan(FILES / 20);
    reported(`damaged files opened ${mode}`, {
      tried: `${paths.length} files, seed ${SEED}`,
      figure: `0 crashes, 0 hangs; ${refused} refused, unchanged; ${paths.length - refused} opened`,
    });
  });
});

const isUntoldBy =
  (codes: readonly string[]) =>
  ({ code = '', hint }: Failed): boolean =>
    !codes.includes(code) || hint === '';

/** The bytes of a closed database of some 200 pages, with rows in every table. */
async function wholeFile(): Promise<Buffer> {
  const { db, path } = await testFile();
  await db.agents.upsert({ npub: 'agent', name: 'Bob', lifecycle_state: 'active' });
  const long = 'x'.repeat(300);
  for (let i = 0; i < 300; i++) {
    const id = `job ${i}`;
    await db.jobs.create({ id, kind: 1, customer_pubkey: `customer ${i % 7}`, input_hash: long });
    if (i % 3 === 0) {
      await db.jobs.completeWithPayment(id, { price_msats: i, payment_hash: `hash ${i}` });
    } else {
      await db.agents.recordTick('agent', { tick_number: i, actions_json: `"${long}"` });
    }
  }
  await db.close();
  return readFileSync(path);
}
