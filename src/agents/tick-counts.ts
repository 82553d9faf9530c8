import { type ExpressionBuilder, sql } from 'kysely';
import type { DB } from '../../generated/db.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { MAX_INTEGER } from '../schema/input.js';
import { agentOutcome, keepTicksOut, NPUB_ROWS } from './queries.js';

/** What counts a tick on its agent, and takes its cost from the balance. */

/** The agent whose count can grow: another program may have written it, or it is at its end. */
const canTick =
  (p: Params<{ npub: string }>, syntax: SqlSyntax) =>
  ({ and, eb }: ExpressionBuilder<DB, 'agents'>) =>
    and([
      eb('npub', '=', p.npub),
      syntax.isSafeInteger('tick_count'),
      eb('tick_count', '<', sql.lit(MAX_INTEGER)),
    ]);

const ableToTick = prepared(
  'agents.recordTick wanted',
  (db, p: Params<{ npub: string }>, syntax) =>
    db.selectFrom('agents').select('npub').where(canTick(p, syntax)).forUpdate(),
  NPUB_ROWS,
  { locks: { agent: 'npub' } },
);

/** Touches nothing when the count can't grow. */
export const countTick = prepared(
  'agents.recordTick count',
  (db, p: Params<{ npub: string; now: number }>, syntax) =>
    db
      .updateTable('agents')
      .set((eb) => ({
        tick_count: eb('tick_count', '+', eb.lit(1)),
        last_tick_at: p.now,
        updated_at: p.now,
      }))
      .where(canTick(p, syntax)),
  noRows(),
  {
    locks: { agent: 'npub' },
    outcome: {
      ...agentOutcome,
      wanted: ({ npub }) => ableToTick({ npub }),
      // Whatever else its row holds: the call gives the tick.
      look: ({ npub }) => keepTicksOut({ npub }),
    },
  },
);

interface Charge {
  npub: string;
  tick_number: number;
  cost_sats: number;
}

/** The agent that can tick, can pay for it, and has not yet done so under this number. */
const canPay =
  (p: Params<Charge>, syntax: SqlSyntax) => (expression: ExpressionBuilder<DB, 'agents'>) => {
    const { and, eb, exists, not, selectFrom } = expression;
    const sameNumber = selectFrom('tick_history')
      .select('tick_history.id')
      .where('tick_history.agent_npub', '=', p.npub)
      .where('tick_history.tick_number', '=', p.tick_number);
    return and([
      canTick(p, syntax)(expression),
      syntax.isSafeInteger('balance_sats'),
      eb('balance_sats', '>=', p.cost_sats),
      not(exists(sameNumber)),
    ]);
  };

const ableToPay = prepared(
  'agents.recordTick charge wanted',
  (db, p: Params<Charge>, syntax) =>
    db.selectFrom('agents').select('npub').where(canPay(p, syntax)).forUpdate(),
  NPUB_ROWS,
  { locks: { agent: 'npub' } },
);

/**
 * Like {@link countTick}, and takes the cost from the balance. In a unit after {@link keepTicksOut}: a
 * server shows a statement no tick that came while it waited for the agent.
 */
export const chargeTick = prepared(
  'agents.recordTick charge',
  (db, p: Params<Charge & { now: number }>, syntax) =>
    db
      .updateTable('agents')
      .set((eb) => ({
        tick_count: eb('tick_count', '+', eb.lit(1)),
        // SQLite is given numbers as reals; the difference must be one of integers.
        balance_sats: eb('balance_sats', '-', eb.cast<number>(p.cost_sats, 'bigint')),
        last_tick_at: p.now,
        updated_at: p.now,
      }))
      .where(canPay(p, syntax)),
  noRows(),
  {
    locks: { agent: 'npub' },
    outcome: {
      ...agentOutcome,
      wanted: ({ npub, tick_number, cost_sats }) => ableToPay({ npub, tick_number, cost_sats }),
      // Whatever else its row holds: the call gives the tick.
      look: ({ npub }) => keepTicksOut({ npub }),
    },
  },
);
