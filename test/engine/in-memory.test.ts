import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import { failureOf, rejection } from './failure.js';
import { agent, job } from './fresh.js';

async function openInMemory(options: OpenOptions = {}): Promise<PylonDb> {
  const db = await PylonDb.openInMemory(options);
  onTestFinished(() => db.close());
  return db;
}

it('has the whole schema and all services', async () => {
  const db = await openInMemory();
  expect(db.path).toBe(':memory:');
  await db.jobs.create(job('a'));
  await db.jobs.completeWithPayment('a', { price_msats: 2000 });
  await db.agents.upsert(agent('n'));
  await db.agents.recordTick('n', { tick_number: 1 });
  expect(await db.earnings.summary()).toMatchObject({ total_sats: 2, job_count: 1 });
  expect(await db.jobs.countByStatus()).toMatchObject({ completed: 1 });
  expect(await db.kysely.selectFrom('migrations').select('name').execute()).toHaveLength(
    Object.keys(migrations).length,
  );
});

it('is another database every time', async () => {
  const [one, two] = [await openInMemory(), await openInMemory()];
  await one.jobs.create(job('a'));
  expect(await two.jobs.list()).toEqual([]);
});

it('lets outer reads wait for an open transaction, and never shows its rows', async () => {
  const db = await openInMemory();
  const order: string[] = [];
  const transaction = rejection(
    db.transaction(async (tx) => {
      await tx.jobs.create(job('uncommitted'));
      await sleep(30);
      order.push('rolled back');
      throw new Error('own');
    }),
  );
  const reads = [
    db.jobs.list().then((rows) => {
      order.push('read');
      return rows;
    }),
    db.kysely.selectFrom('jobs').selectAll().execute(),
  ];
  expect(await Promise.all(reads)).toEqual([[], []]);
  expect(order).toEqual(['rolled back', 'read']);
  await transaction;
});

it('answers reads between the writes around them', async () => {
  const db = await openInMemory();
  const [, before, , after] = await Promise.all([
    db.jobs.create(job('a')),
    db.jobs.list(),
    db.jobs.create(job('b')),
    db.jobs.list(),
  ]);
  expect([before.length, after.length]).toEqual([1, 2]);
});

it("takes a service's own migrations", async () => {
  const db = await openInMemory({
    migrations: {
      '002_birds': async () => ({
        async up({ context }) {
          await context.schema.createTable('birds').addColumn('name', 'text').execute();
        },
      }),
    },
  });
  const birds = db.kysely.withTables<{ birds: { name: string } }>();
  await birds.insertInto('birds').values({ name: 'wren' }).execute();
  expect(await birds.selectFrom('birds').selectAll().execute()).toEqual([{ name: 'wren' }]);
});

it('is not what PylonDb.open opens', async () => {
  const error = await failureOf(PylonDb.open(':memory:'), 'INVALID_ARGUMENT');
  expect(error.hint + error.message).toContain('openInMemory');
});
