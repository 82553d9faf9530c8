import { noRows, type Params, prepared } from '../engine/prepared.js';
import { PlainRows } from '../schema/plain-row.js';
import { integer } from '../schema/tables.js';
import { TICK_ROWS, type Tick } from './tick.js';

/** Everything about rows of `tick_history`; what counts them on their agent is in `queries.ts`. */

const getTick = prepared(
  'agents.recordTick look',
  (db, p: Params<{ id: number }>) =>
    db.selectFrom('tick_history').select(TICK_ROWS.columns).where('id', '=', p.id),
  TICK_ROWS,
);

export const insertTick = prepared(
  'agents.recordTick',
  (db, p: Params<Omit<Tick, 'id'>>) =>
    db.insertInto('tick_history').values({
      agent_npub: p.agent_npub,
      tick_number: p.tick_number,
      prompt_tokens: p.prompt_tokens,
      completion_tokens: p.completion_tokens,
      actions_json: p.actions_json,
      cost_sats: p.cost_sats,
      duration_ms: p.duration_ms,
      created_at: p.created_at,
    }),
  noRows<Tick>(),
  {
    locks: { agent: 'agent_npub' },
    generatedKey: 'id',
    outcome: {
      table: 'tick_history',
      always: true,
      what: ({ agent_npub, tick_number }) => `tick ${tick_number} of agent ${agent_npub}`,
      look: (_, { insertId }) => getTick({ id: insertId }),
    },
  },
);

/** An agent's ticks, highest number first. */
export const ticksOfAgent = prepared(
  'agents.tickHistory',
  (db, p: Params<{ npub: string; limit: number }>) =>
    db
      .selectFrom('tick_history')
      .select(TICK_ROWS.columns)
      .where('agent_npub', '=', p.npub)
      .orderBy('tick_number', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  TICK_ROWS,
);

/** Like {@link ticksOfAgent}, after the row that ended the page before. */
export const ticksOfAgentBefore = prepared(
  'agents.tickHistory before',
  (db, p: Params<{ npub: string; limit: number; tick_number: number; id: number }>) =>
    db
      .selectFrom('tick_history')
      .select(TICK_ROWS.columns)
      .where('agent_npub', '=', p.npub)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('tick_number', 'id'), '<', tuple(p.tick_number, p.id)),
      )
      .orderBy('tick_number', 'desc')
      .orderBy('id', 'desc')
      .limit(p.limit),
  TICK_ROWS,
);

const ID_ROWS = new PlainRows([integer('id')], ({ id }) => id);

const ticksLeft = prepared(
  'agents.delete ticks left',
  (db, p: Params<{ npub: string }>) =>
    db.selectFrom('tick_history').select('id').where('agent_npub', '=', p.npub),
  ID_ROWS,
  { locks: { agent: 'npub' } },
);

export const deleteTicks = prepared(
  'agents.delete ticks',
  (db, p: Params<{ npub: string }>) =>
    db.deleteFrom('tick_history').where('agent_npub', '=', p.npub),
  noRows(),
  {
    locks: { agent: 'npub' },
    outcome: {
      table: 'tick_history',
      deletes: true,
      what: ({ npub }) => `the deletion of the ticks of agent ${npub}`,
      wanted: ({ npub }) => ticksLeft({ npub }),
      look: ({ npub }) => ticksLeft({ npub }),
    },
  },
);
