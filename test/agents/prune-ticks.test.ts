import { expect, it } from 'vitest';
import { ENGINE, testDatabase } from '../database.js';
import { NOON } from '../file.js';

/** Two agents with ticks of every second from noon on, of each as many. */
async function withTicks(seconds: number) {
  const file = await testDatabase();
  const { db, time } = file;
  for (const npub of ['npub1', 'npub2']) {
    await db.agents.upsert({ npub, name: npub, lifecycle_state: 'active' });
  }
  for (let i = 0; i < seconds; i++) {
    time.now = NOON + i;
    await Promise.all(['npub1', 'npub2'].map((npub) => db.agents.recordTick(npub, {})));
  }
  return file;
}

it('deletes what is older, in several units, and keeps counts and later ticks', async () => {
  const { db, stored } = await withTicks(700);
  expect(await db.agents.pruneTicks({ before: NOON + 650 })).toBe(1300);
  expect(await stored('select min(created_at) as first, count(*) as n from tick_history')).toEqual([
    { first: NOON + 650, n: 100 },
  ]);
  expect(await db.agents.get('npub1')).toMatchObject({ tick_count: 700 });
  expect(await db.agents.pruneTicks({ before: NOON + 650 })).toBe(0);
  expect((await db.agents.recordTick('npub1', {})).tick_number).toBe(701);
});

it('finds old ticks whose ids come after those of later ones', async () => {
  const { db, time, stored } = await withTicks(600);
  time.now = NOON - 5;
  await db.agents.recordTick('npub1', { tick_number: 9000 });
  expect(await db.agents.pruneTicks({ before: NOON })).toBe(1);
  expect(await stored('select count(*) as n from tick_history where tick_number = 9000')).toEqual([
    { n: 0 },
  ]);
});

it('lets other writes come in between, and misses no tick that they add', async () => {
  const { db, time, stored } = await withTicks(600);
  let done = false;
  const pruning = db.agents.pruneTicks({ before: NOON + 600 }).finally(() => {
    done = true;
  });
  time.now = NOON + 600;
  let between = 0;
  while (!done) {
    await db.agents.recordTick('npub1', {});
    if (!done) between += 1;
  }
  expect(await pruning).toBe(1200);
  expect(between).toBeGreaterThan(0);
  expect(await stored('select distinct created_at from tick_history')).toEqual([
    { created_at: NOON + 600 },
  ]);
});

it('is whole or absent in a transaction', async () => {
  const { db, stored } = await withTicks(3);
  const failed = db.transaction(async (tx) => {
    expect(await tx.agents.pruneTicks({ before: NOON + 2 })).toBe(4);
    throw new Error('stop');
  });
  await expect(failed).rejects.toThrow('stop');
  expect(await stored('select count(*) as n from tick_history')).toEqual([{ n: 6 }]);
});

it('leaves ticks alone whose time another program did not write as a number', async () => {
  if (ENGINE === 'postgres') return;
  const { db, stored, writeByAnother } = await withTicks(2);
  await writeByAnother("update tick_history set created_at = 'yesterday' where id = 1");
  expect(await db.agents.pruneTicks({ before: NOON + 600 })).toBe(3);
  expect(await stored('select id from tick_history')).toEqual([{ id: 1 }]);
});
