import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../database.js';
import { failureOf } from './failure.js';

describe('values that SQLite knows without a cast', () => {
  it('come back as they went in', async () => {
    const { db } = await testDatabase();
    const blob = Buffer.from([0, 255, 1]);
    const { rows } = await sql`select ${blob} as b, ${'ü\u{1f426}'} as t, ${null} as n, ${5n} as i,
      1e300 as real`.execute(db.kysely);
    expect(rows).toEqual([{ b: blob, t: 'ü\u{1f426}', n: null, i: 5, real: 1e300 }]);
  });

  it.each([[{}], [true], [Symbol('s')], [2n ** 64n]])(
    'that SQLite has no word for are refused',
    async (value) => {
      const { db } = await testDatabase();
      await failureOf(sql`select ${value} as v`.execute(db.kysely), 'INVALID_ARGUMENT');
    },
  );
});
