import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Earning } from '../../src/index.js';
import { type TestDatabase, testDatabase } from '../database.js';

/** Unix seconds: one second in which most of these earnings came in. */
const SAME_SECOND = 1_782_000_000;

/** Not a divisor of 3000, so that pages end inside ties. */
const PAGE = 97;

async function insertEarnings(
  { writeByAnother }: TestDatabase,
  count: number,
  earned_at: number,
): Promise<void> {
  const rows = Array.from({ length: count }, () => `('${randomUUID()}', 1, 'tip', ${earned_at})`);
  await writeByAnother(
    `insert into earnings (id, amount_msats, source, earned_at) values ${rows.join(', ')}`,
  );
}

const rowsOf = ({ stored }: TestDatabase, start: number, end: number) =>
  stored(
    'select * from earnings where earned_at between ? and ? order by earned_at desc, id desc',
    start,
    end,
  );

describe('earnings.inRange', () => {
  it('pages thousands of one second without a gap or a repeat while others insert', async () => {
    const database = await testDatabase();
    const { db, open } = database;
    const other = await open();
    await insertEarnings(database, 3000, SAME_SECOND);
    for (const aside of [-2, -1, 1, 2]) await insertEarnings(database, 50, SAME_SECOND + aside);
    const [start, end] = [SAME_SECOND - 1, SAME_SECOND + 1];
    const before = await rowsOf(database, start, end);
    expect(before).toHaveLength(3100);

    const seen: Earning[] = [];
    for (let last: Earning | undefined; ; ) {
      const page = await db.earnings.inRange(start, end, {
        limit: PAGE,
        ...(last && { before: last }),
      });
      seen.push(...page);
      if (page.length < PAGE) break;
      last = page.at(-1);
      await insertEarnings(database, 20, SAME_SECOND);
      const tip = { amount_msats: 1, source: 'tip', earned_at: SAME_SECOND } as const;
      await other.earnings.record({ ...tip, id: randomUUID() });
    }

    const ids = new Set(seen.map((earning) => earning.id));
    expect(ids.size).toBe(seen.length);
    const isOld = new Set(before.map((row) => Reflect.get(row, 'id')));
    expect(seen.filter((earning) => isOld.has(earning.id))).toEqual(before);
    expect(seen).toEqual(
      (await rowsOf(database, start, end)).filter((row) => ids.has(Reflect.get(row, 'id'))),
    );
  });

  it('includes both ends, and gives all of it without a limit', async () => {
    const database = await testDatabase();
    const { db } = database;
    for (const at of [9, 10, 15, 20, 21]) await insertEarnings(database, 2100, at);
    const earnings = await db.earnings.inRange(10, 20);
    expect(earnings).toEqual(await rowsOf(database, 10, 20));
    expect(earnings).toHaveLength(6300);
    expect(await db.earnings.inRange(10, 20, { limit: 10_000 })).toHaveLength(6300);
    expect(await db.earnings.inRange(10, 10, { limit: 5 })).toHaveLength(5);
    expect(await db.earnings.inRange(11, 14)).toEqual([]);
    expect(await db.earnings.inRange(20, 10)).toEqual([]);
  });

  it('gives all from `before` on without a limit', async () => {
    const database = await testDatabase();
    const { db } = database;
    await insertEarnings(database, 30, 5);
    const all = await db.earnings.inRange(0, 9);
    const last = all[12];
    if (last === undefined) throw new Error('there is no 13th earning');
    expect(await db.earnings.inRange(0, 9, { before: last })).toEqual(all.slice(13));
  });

  it('orders earnings of one second by the bytes of their ids', async () => {
    const { db } = await testDatabase();
    // By UTF-16 code units the last two stand the other way round.
    const ids = ['A', 'B', 'a', 'é', '\uff5e', '\u{1f600}'];
    for (const id of ids) {
      await db.earnings.record({ id, amount_msats: 1, source: 'tip', earned_at: 5 });
    }
    const given = async (list: Promise<Earning[]>) => (await list).map(({ id }) => id);
    expect(await given(db.earnings.inRange(0, 9))).toEqual(ids.toReversed());
    expect(await given(db.earnings.recent())).toEqual(ids.toReversed());
  });

  it('goes on after an empty id that another program stored', async () => {
    const { db, writeByAnother } = await testDatabase();
    await writeByAnother(`insert into earnings (id, amount_msats, source, earned_at)
       values ('b', 1, 'tip', 5), ('', 1, 'tip', 5), ('a', 1, 'tip', 4)`);
    const [, last] = await db.earnings.inRange(0, 9, { limit: 2 });
    expect(last?.id).toBe('');
    const rest = await db.earnings.inRange(0, 9, { limit: 2, ...(last && { before: last }) });
    expect(rest).toMatchObject([{ id: 'a' }]);
  });
});
