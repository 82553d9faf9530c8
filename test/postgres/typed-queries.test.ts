import { type QueryCreator, sql } from 'kysely';
import { expect, it } from 'vitest';
import { type Params, type PylonDb, prepared, type QueryEvent } from '../../src/index.js';
import { rejection } from '../engine/failure.js';
import { describeOnServer, opened } from './own-server.js';

interface ThingsDB {
  things: { id: number; big: number | null; at: Date | null; on: boolean | null; doc: unknown };
}
type Things = QueryCreator<ThingsDB>;

const insert = prepared((db: Things, p: Params<{ id: number }>) =>
  db.insertInto('things').values({ id: p.id }),
);
const insertReturning = prepared((db: Things, p: Params<{ id: number }>) =>
  db.insertInto('things').values({ id: p.id }).returning(['id', 'on']),
);
const ids = prepared((db: Things) => db.selectFrom('things').select('id').orderBy('id'));
const setBig = prepared((db: Things, p: Params<{ big: bigint }>) =>
  db
    .updateTable('things')
    .set({ big: sql`${p.big}` })
    .returning('big'),
);

const TABLE = `create table things (
  id integer primary key, big bigint, at timestamptz, "on" boolean, doc jsonb)`;

describeOnServer("a service's own queries on a server", (own) => {
  async function withThings(): Promise<{ db: PylonDb; url: string; events: QueryEvent[] }> {
    const { url, outside } = await own.open();
    await outside.query(TABLE);
    const events: QueryEvent[] = [];
    const db = await opened(url, { onQuery: (event) => events.push(event) });
    return { db, url, events };
  }

  /** The transaction control that a call sent: none where the batch is one round trip. */
  async function control(events: QueryEvent[], call: () => Promise<unknown>): Promise<string[]> {
    events.length = 0;
    await call();
    return events.map((event) => event.sql).filter((text) => /^(begin|commit)/.test(text));
  }

  it('are one round trip a batch, as far as every row of it can be read', async () => {
    const { db, events } = await withThings();
    const writes = () => db.batch([insert({ id: 1 }), insert({ id: 2 })]);
    expect(await control(events, writes)).toEqual([]);
    // What comes back is known once it was described.
    await db.batch([insertReturning({ id: 3 }), ids()]);
    const withRows = () => db.batch([insertReturning({ id: 4 }), ids()]);
    expect(await control(events, withRows)).toEqual([]);
    // A bigint may be one that can't be given back.
    const bigs = () => db.batch([setBig({ big: 1n }), ids()]);
    await bigs();
    expect(await control(events, bigs)).toHaveLength(2);
  });

  it('leave nothing of a write whose row cannot be read, the second time too', async () => {
    const { db } = await withThings();
    await db.all(insert({ id: 1 }));
    await db.all(setBig({ big: 5n }));
    for (let i = 0; i < 2; i++) {
      const failed = await rejection(db.all(setBig({ big: 2n ** 53n })));
      expect(failed).toMatchObject({ code: 'OUT_OF_RANGE', column: 'big' });
    }
    const big = prepared((tables: Things) => tables.selectFrom('things').select('big'));
    expect(await db.all(big())).toEqual([{ big: 5 }]);
  });

  it('give the values that ad-hoc queries give', async () => {
    const { db } = await withThings();
    const store = prepared((tables: Things, p: Params<{ at: string; on: string; doc: string }>) =>
      tables.insertInto('things').values({
        id: 1,
        at: sql`${p.at}`,
        on: sql`${p.on}`,
        doc: sql`${p.doc}`,
      }),
    );
    const at = '2026-11-27T12:00:00.000Z';
    await db.all(store({ at, on: 'true', doc: '{"n": [1, null]}' }));
    const all = prepared((tables: Things) => tables.selectFrom('things').selectAll());
    const row = { id: 1, big: null, at: new Date(at), on: true, doc: { n: [1, null] } };
    expect(await db.first(all())).toEqual(row);
    const { rows } = await sql`select * from things`.execute(db.kysely);
    expect(rows).toEqual([row]);
  });

  it('that lock or write within a SELECT are writes', async () => {
    const { db, url } = await withThings();
    await db.all(insert({ id: 1 }));
    const locking = prepared((tables: Things) =>
      tables.selectFrom('things').select('id').forUpdate(),
    );
    expect(await db.all(locking())).toEqual([{ id: 1 }]);
    const hidden = prepared((tables: Things) =>
      tables
        .with('removed', (cte) => cte.deleteFrom('things').returning('id'))
        .selectFrom('removed')
        .select('id'),
    );
    expect(await db.all(hidden())).toEqual([{ id: 1 }]);
    expect(await db.all(ids())).toEqual([]);
    const reader = await opened(url, { readonly: true });
    for (const query of [locking(), hidden()]) {
      expect(await rejection(reader.all(query))).toMatchObject({ code: 'READ_ONLY' });
    }
  });
});
