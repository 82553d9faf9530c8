import fc from 'fast-check';
import { it } from 'vitest';
import type { PylonDb } from '../../src/index.js';
import { testFile, writeByAnother } from '../file.js';
import { expectKeptTotals, expectRightAnswers, rebuildByAnother } from './rebuilds.js';

const SEED = Number(process.env['PYLON_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** One step: what another program or this one does. Its number makes keys that repeat now and then. */
type Step = (path: string, db: PylonDb, n: number) => unknown;

const outside =
  (sql: (n: number) => string): Step =>
  (path, _, n) =>
    writeByAnother(path, sql(n));

const STEPS: Readonly<Record<string, Step>> = {
  'rebuild earnings': (path) => rebuildByAnother(path, 'earnings'),
  'rebuild jobs': (path) => rebuildByAnother(path, 'jobs'),
  'drop a trigger': outside(() => 'drop trigger if exists pylon_db_earnings_after_insert'),
  'drop another trigger': outside(() => 'drop trigger if exists pylon_db_jobs_after_delete'),
  'drop an index': outside(() => 'drop index if exists pylon_db_earnings_payment'),
  'rename to and fro': outside(
    () => 'alter table earnings rename to away; alter table away rename to earnings',
  ),
  'add a table': outside((n) => `create table if not exists of_another_${n} (a)`),
  'foreign earning': outside(
    (n) =>
      `insert or replace into earnings (id, amount_msats, source) values ('f${n % 5}', ${n}, 'tip')`,
  ),
  'foreign delete': outside((n) => `delete from earnings where id = 'f${n % 5}'`),
  'foreign job': outside(
    (n) => `insert or replace into jobs (id, kind, customer_pubkey, status, started_at)
            values ('f${n % 5}', 1, 'c', 'failed', 1)`,
  ),
  'own earning': (_, db, n) =>
    db.earnings.record({ id: `o${n}`, amount_msats: n, source: 'other' }),
  'own job': (_, db, n) => db.jobs.create({ id: `o${n}`, kind: 1, customer_pubkey: 'c' }),
  'own transaction': (path, db) => db.transaction((tx) => expectRightAnswers(path, tx)),
};

const NAMES = Object.keys(STEPS);

it('totals equal plain sums after every step of a random walk of rebuilds and writes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...NAMES, 'open again'), { minLength: 10, maxLength: 25 }),
      async (walk) => {
        const file = await testFile();
        let { db } = file;
        for (const [n, name] of walk.entries()) {
          if (name === 'open again') {
            await db.close();
            db = await file.open();
            expectKeptTotals(file.path);
          } else await STEPS[name]?.(file.path, db, n);
          await expectRightAnswers(file.path, db, `${name} of ${walk.join(', ')}`);
        }
        await db.close();
      },
    ),
    { numRuns: 8, seed: SEED },
  );
});
