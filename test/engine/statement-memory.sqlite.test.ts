import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { SqlCache } from '../../src/engine/sql-cache.js';
import { temporaryFolder } from '../temporary.js';

/** The package as it is shipped. */
const PACKAGE = dirname(dirname(inject('cli')));

// A process of its own, where nothing else grows. It prints by how many MB it grew.
const ASK = `
  import { PylonDb } from './dist/index.js';
  const db = await PylonDb.open(process.env.PYLON_TEST_DB);
  const list = (length) => Array.from({ length }, (_, i) => 'id' + i);
  const ask = (kysely, length) =>
    kysely.selectFrom('jobs').select('id').where('id', 'in', list(length)).execute();
  const megabytes = () => { gc(); return process.memoryUsage().rss / 2 ** 20; };
  await ask(db.kysely, 30_000);
  const before = megabytes();
  for (let i = 0; i < 100; i++) await ask(db.kysely, 30_000 - i);
  for (let i = 0; i < 90; i++) {
    await ask(db.kysely, 2000 + i);
    await db.transaction((tx) => ask(tx.kysely, 2000 + i));
  }
  console.log(Math.round(megabytes() - before));
  await db.close();`;

/** MB. All the statements would take 600. */
const BOUND = 150;

describe('ad-hoc statements', () => {
  it('of many long texts are not all held in memory', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--input-type=module', '--eval', ASK],
      { cwd: PACKAGE, env: { ...process.env, PYLON_TEST_DB: join(temporaryFolder(), 'pylon.db') } },
    );
    expect(Number(stdout)).toBeLessThan(BOUND);
  }, 120_000);
});

describe('what is known of SQL texts', () => {
  it('is bounded by their bytes, the oldest making room', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 6000 }), { maxLength: 400 }), (lengths) => {
        const cache = new SqlCache<number>();
        const texts = lengths.map((length, i) => `${i} `.padEnd(length, 'x'));
        for (const [i, text] of texts.entries()) cache.add(text, i);
        const kept = texts.filter((text) => cache.get(text) !== undefined);
        expect(kept.join('').length).toBeLessThanOrEqual(100_000);
        expect(kept.filter((text) => text.length > 4000)).toEqual([]);
        // Those kept are the newest.
        const short = texts.filter((text) => text.length <= 4000);
        expect(kept).toEqual(short.slice(short.length - kept.length));
        if (short.length > 0) expect(kept).not.toEqual([]);
        for (const text of kept) expect(texts[cache.get(text) ?? -1]).toBe(text);
      }),
    );
  });
});
