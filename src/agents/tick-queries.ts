import { noRows, type Params, prepared } from '../engine/prepared.js';
import { PlainRows } from '../schema/plain-row.js';
import { integer } from '../schema/tables.js';
import { TICK_ROWS, type Tick } from './tick.js';

/** Everything about rows of `tick_history`; what counts them on their agent is in `tick-counts.ts`. */

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

/**
 * Stores a tick with the number after the highest, or after the agent's count where that is ahead. In a
 * unit after the tick was counted.
 */
export const insertNextTick = prepared(
  'agents.recordTick next',
  (db, p: Params<Omit<Tick, 'id' | 'tick_number'>>, syntax) =>
    db
      .insertInto('tick_history')
      .columns(NEXT_TICK_COLUMNS)
      .expression((eb) => {
        const highest = eb
          .selectFrom('tick_history as latest')
          .select('latest.tick_number')
          .where('latest.agent_npub', '=', p.agent_npub)
          .where(syntax.isSafeInteger('latest.tick_number'))
          .orderBy('latest.tick_number', 'desc')
          .limit(1);
        return eb
          .selectFrom('agents')
          .where('agents.npub', '=', p.agent_npub)
          .select((eb) => [
            'agents.npub',
            eb
              .case()
              .when(highest, '>=', eb.ref('agents.tick_count'))
              .then(eb(highest, '+', eb.lit(1)))
              .else(eb.ref('agents.tick_count'))
              .end()
              .as('tick_number'),
            eb.cast<number | null>(p.prompt_tokens, 'bigint').as('prompt_tokens'),
            eb.cast<number | null>(p.completion_tokens, 'bigint').as('completion_tokens'),
            eb.cast<string | null>(p.actions_json, 'text').as('actions_json'),
            eb.cast<number | null>(p.cost_sats, 'bigint').as('cost_sats'),
            eb.cast<number | null>(p.duration_ms, 'bigint').as('duration_ms'),
            eb.cast<number>(p.created_at, 'bigint').as('created_at'),
          ]);
      })
      .returning(TICK_ROWS.columns),
  TICK_ROWS,
  {
    locks: { agent: 'agent_npub' },
    outcome: {
      table: 'tick_history',
      always: true,
      what: ({ agent_npub }) => `the next tick of agent ${agent_npub}`,
      look: (_, { rows }) => getTick({ id: rows[0]?.id ?? 0 }),
    },
  },
);

const NEXT_TICK_COLUMNS = [
  'agent_npub',
  'tick_number',
  'prompt_tokens',
  'completion_tokens',
  'actions_json',
  'cost_sats',
  'duration_ms',
  'created_at',
] as const;

/** An agent's ticks of one number, oldest first: one as a rule. */
export const ticksNumbered = prepared(
  'agents.recordTick again',
  (db, p: Params<Pick<Tick, 'agent_npub' | 'tick_number'>>) =>
    db
      .selectFrom('tick_history')
      .select(TICK_ROWS.columns)
      .where('agent_npub', '=', p.agent_npub)
      .where('tick_number', '=', p.tick_number)
      .orderBy('id'),
  TICK_ROWS,
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
