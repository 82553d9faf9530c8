import type { WriteHandle } from '../engine/engine.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import { MAX_INTEGER } from '../schema/input.js';
import { PlainRows } from '../schema/plain-row.js';
import { integer, orNull } from '../schema/tables.js';

/** Ticks that are looked at, and at most deleted, at once: a few milliseconds of the write lock. */
const TICKS_AT_ONCE = 500;

const STRETCH_ROWS = new PlainRows([orNull(integer('last')), integer('old')], ({ last, old }) => ({
  last,
  old,
}));

/** The next ticks after an id: where they end, and how many of them are old. */
const nextTicks = prepared(
  'agents.pruneTicks look',
  (db, p: Params<{ after: number; before: number }>) =>
    db
      .selectFrom((eb) =>
        eb
          .selectFrom('tick_history')
          .select(['id', 'created_at'])
          .where('id', '>', p.after)
          .orderBy('id')
          .limit(eb.lit(TICKS_AT_ONCE))
          .as('next'),
      )
      .select(({ fn }) =>
        STRETCH_ROWS.computed({
          last: fn.max<number | null>('next.id'),
          old: fn.count<number>('next.id').filterWhere('next.created_at', '<', p.before),
        }),
      ),
  STRETCH_ROWS,
);

interface Stretch {
  after: number;
  last: number;
  before: number;
}

const ID_ROWS = new PlainRows([integer('id')], ({ id }) => id);

const oldTicks = prepared(
  'agents.pruneTicks left',
  (db, p: Params<Stretch>) =>
    db
      .selectFrom('tick_history')
      .select('id')
      .where('id', '>', p.after)
      .where('id', '<=', p.last)
      .where('created_at', '<', p.before)
      .forUpdate(),
  ID_ROWS,
);

const deleteOldTicks = prepared(
  'agents.pruneTicks',
  (db, p: Params<Stretch>) =>
    db
      .deleteFrom('tick_history')
      .where('id', '>', p.after)
      .where('id', '<=', p.last)
      .where('created_at', '<', p.before),
  noRows(),
  {
    outcome: {
      table: 'tick_history',
      deletes: true,
      what: ({ after, last }) => `the deletion of ticks with ids from ${after + 1} to ${last}`,
      wanted: ({ after, last, before }) => oldTicks({ after, last, before }),
      look: ({ after, last, before }) => oldTicks({ after, last, before }),
    },
  },
);

/**
 * Deletes ticks older than `before`, by their ids, a few at a time: other writes come in between.
 * Stopped in the middle, it is done again from the start, which finds less.
 */
export async function pruneTicks(
  db: WriteHandle,
  operation: string,
  before: number,
): Promise<number> {
  let pruned = 0;
  for (let after = -MAX_INTEGER; ; ) {
    const next = await db.first(operation, nextTicks({ after, before }), 'continuation');
    if (next === undefined || next.last === null) return pruned;
    const { last, old } = next;
    if (old > 0) {
      const query = deleteOldTicks({ after, last, before });
      // Watched: that ticks are there is known, so a trigger that keeps them is noticed.
      const [deleted] = await db.write(operation, [{ query, watched: true }], 'continuation');
      pruned += deleted.affectedRows;
    }
    after = last;
  }
}
