import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { PylonDb, QueryEvent } from '../../src/index.js';
import { testDatabase } from '../database.js';
import { failureOf, rejection } from './failure.js';
import { job } from './fresh.js';

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

describe('onQuery on SQLite', () => {
  const SECRET = 'a-secret-preimage';

  async function playADay(db: PylonDb): Promise<void> {
    await db.jobs.create(job(SECRET));
    await db.jobs.get(SECRET);
    await db.jobs.completeWithPayment(SECRET, { price_msats: 77_123, preimage: SECRET });
    await db.jobs.create(job(SECRET)).catch(() => undefined);
    await db.kysely.selectFrom('jobs').selectAll().where('id', '=', SECRET).execute();
    await rejection(sql`select ${SECRET} from nowhere`.execute(db.kysely));
    await db.transaction(async (tx) => void (await tx.jobs.get(SECRET)));
  }

  it('is told SQL, duration and error of every statement, and no value', async () => {
    const events: QueryEvent[] = [];
    const { db } = await testDatabase({ onQuery: (event) => events.push(event) });
    events.length = 0;
    await playADay(db);
    expect(events.length).toBeGreaterThanOrEqual(8);
    for (const event of events) {
      expect(event.sql).toMatch(/^(select|insert|update)/);
      expect(event.durationMs).toBeGreaterThanOrEqual(0);
      expect(Object.keys(event)).toEqual(
        event.error === undefined ? ['sql', 'durationMs'] : ['sql', 'durationMs', 'error'],
      );
      const told = `${JSON.stringify(event)} ${String(event.error)}`;
      expect(told).not.toContain(SECRET);
      expect(told).not.toContain('77123');
    }
    const failed = events.filter(({ error }) => error !== undefined);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.sql).toContain('insert into "jobs"');
  });
});
