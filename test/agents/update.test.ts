import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { NOON } from '../file.js';

const BOB = { npub: 'a', name: 'Bob', lifecycle_state: 'active', balance_sats: 5 } as const;

describe('agents.update', () => {
  it('changes the given fields only, so that saving a memory undoes no decision', async () => {
    const { db, open, time, stored } = await testDatabase();
    const read = await db.agents.upsert(BOB);
    await (await open()).agents.updateState('a', 'terminated');
    time.now += 60;
    const agent = await db.agents.update('a', { memory_json: '{"a":1}', goals_json: null });
    const expected = {
      ...read,
      lifecycle_state: 'terminated',
      memory_json: '{"a":1}',
      updated_at: NOON + 60,
    };
    expect(agent).toEqual(expected);
    expect(await stored('select * from agents')).toEqual([expected]);
  });

  it('never brings a deleted agent back', async () => {
    const { db, stored } = await testDatabase();
    await db.agents.upsert(BOB);
    await db.agents.delete('a');
    await expect(db.agents.update('a', { name: 'B' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await stored('select * from agents')).toEqual([]);
  });

  it.each([{}, { name: undefined }, { created_at: 1 }, { balance_sats: -1 }] as object[])(
    'refuses %j',
    async (patch) => {
      const { db } = await testDatabase();
      const agent = await db.agents.upsert(BOB);
      await expect(db.agents.update('a', patch)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      expect(await db.agents.get('a')).toEqual(agent);
    },
  );
});

describe('agents.updateState from', () => {
  it('changes an agent that is in one of the states, and no other', async () => {
    const { db } = await testDatabase();
    const agent = await db.agents.upsert(BOB);
    await expect(
      db.agents.updateState('a', 'active', { from: ['dormant', 'embryonic'] }),
    ).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION', id: 'a', from: 'active', to: 'active' });
    expect(await db.agents.get('a')).toEqual(agent);
    await db.agents.updateState('a', 'dormant', { from: 'active' });
    expect(await db.agents.get('a')).toMatchObject({ lifecycle_state: 'dormant' });
    await expect(db.agents.updateState('b', 'active', { from: 'active' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
