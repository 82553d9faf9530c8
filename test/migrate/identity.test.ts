import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';

const IDENTITY = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const sql = 'select id, identity from pylon_db_identity';

describe('the identity of a database', () => {
  it('is a random UUID in one row, which another open leaves as it is', async () => {
    const { stored, open } = await testDatabase();
    const made = await stored(sql);
    expect(made).toEqual([{ id: 1, identity: expect.stringMatching(IDENTITY) }]);
    await open();
    expect(await stored(sql)).toEqual(made);
  });

  it('is another one in another database', async () => {
    const [one, another] = [await testDatabase(), await testDatabase()];
    expect(await one.stored(sql)).not.toEqual(await another.stored(sql));
  });

  it('has room for one row', async () => {
    const { db, stored } = await testDatabase();
    const made = await stored(sql);
    for (const id of [1, 2]) {
      const row = { id, identity: 'x' };
      const insert = db.kysely.insertInto('pylon_db_identity').values(row).execute();
      await expect(insert).rejects.toThrow();
    }
    expect(await stored(sql)).toEqual(made);
  });
});
