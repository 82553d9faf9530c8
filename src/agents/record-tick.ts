import {
  type Admission,
  type Clock,
  isStepWithoutRows,
  type WriteHandle,
} from '../engine/engine.js';
import { PylonDbError } from '../errors.js';
import { MAX_INTEGER, plusZero } from '../schema/input.js';
import { type Agent, agentInput } from './agent.js';
import { outOfRange, unknownAgent } from './agent-errors.js';
import { getAgent, keepTicksOut } from './queries.js';
import { type NewTick, type Tick, tickInput } from './tick.js';
import { chargeTick, countTick } from './tick-counts.js';
import { insertNextTick, insertTick, ticksNumbered } from './tick-queries.js';

/** How errors name the call. */
const OPERATION = 'agents.recordTick';

type NumberedTick = Omit<Tick, 'id'>;
type PaidTick = NumberedTick & { readonly cost_sats: number };

/** Stores a tick and counts it on its agent; see `AgentsService.recordTick` for the contract. */
export async function recordTick(
  db: WriteHandle,
  clock: Clock,
  npub: string,
  tick: NewTick,
): Promise<Tick> {
  agentInput.npub(npub, 'npub', OPERATION);
  tickInput.tick(tick, 'tick', OPERATION);
  if (tick.charge === true) tickInput.charged(tick, 'tick', OPERATION);
  const { tick_number } = tick;
  const cost_sats = plusZero(tick.cost_sats ?? null);
  const row = {
    agent_npub: npub,
    tick_number: plusZero(tick_number ?? 0),
    prompt_tokens: plusZero(tick.prompt_tokens ?? null),
    completion_tokens: plusZero(tick.completion_tokens ?? null),
    actions_json: tick.actions_json ?? null,
    cost_sats,
    duration_ms: plusZero(tick.duration_ms ?? null),
    created_at: clock(),
  };
  if (tick.charge === true && cost_sats !== null) return await pay(db, { ...row, cost_sats });
  // Once more while another process changes the agent in between. The first try is seldom in vain;
  // what came in its way shows in the next.
  for (let admission: Admission = 'new'; ; admission = 'continuation') {
    const watched = admission === 'continuation';
    const count = {
      query: countTick({ npub, now: row.created_at }),
      required: true,
      watched,
    };
    try {
      if (tick_number === undefined) return await storeNext(db, count, row, admission);
      const [, { rows, insertId }] = await db.write(
        OPERATION,
        [count, { query: insertTick(row) }],
        admission,
      );
      return rows[0] ?? { id: insertId, ...row };
    } catch (error) {
      if (!isStepWithoutRows(error)) throw error;
      // Decoding the agent says what is wrong with its count, if it can't be read.
      assertCanTick(npub, await db.first(OPERATION, getAgent({ npub }), 'continuation'));
    }
  }
}

async function storeNext(
  db: WriteHandle,
  count: { readonly query: ReturnType<typeof countTick>; readonly required: boolean },
  { tick_number: _, ...row }: NumberedTick,
  admission: Admission,
): Promise<Tick> {
  const insert = { query: insertNextTick(row) };
  const [, { rows }] = await db.write(OPERATION, [count, insert], admission);
  // An insert that stores nothing throws.
  return rows[0] ?? unknownAgent(OPERATION, row.agent_npub);
}

/** Stores a tick that its agent pays for, or gives the same one where it is stored already. */
async function pay(db: WriteHandle, row: PaidTick): Promise<Tick> {
  const { agent_npub: npub, tick_number, cost_sats, created_at: now } = row;
  for (let admission: Admission = 'new'; ; admission = 'continuation') {
    const unit = [
      { query: keepTicksOut({ npub }), required: true },
      {
        query: chargeTick({ npub, tick_number, cost_sats, now }),
        required: true,
        watched: admission === 'continuation',
      },
      { query: insertTick(row) },
    ] as const;
    try {
      const [, , { rows, insertId }] = await db.write(OPERATION, unit, admission);
      return rows[0] ?? { id: insertId, ...row };
    } catch (error) {
      if (!isStepWithoutRows(error)) throw error;
      const looks = [getAgent({ npub }), ticksNumbered({ agent_npub: npub, tick_number })] as const;
      const [[agent], standing] = await db.snapshot(OPERATION, looks, 'continuation');
      const same = standing.find((tick) => VALUES.every((column) => tick[column] === row[column]));
      if (same !== undefined) return same;
      if (standing.length > 0) throw numberTaken(npub, tick_number);
      assertCanTick(npub, agent);
      if (agent.balance_sats < cost_sats) throw outOfRange(OPERATION, 'balance_sats', npub);
    }
  }
}

/** What a repeat must give again; its time is another one. */
const VALUES = [
  'prompt_tokens',
  'completion_tokens',
  'actions_json',
  'cost_sats',
  'duration_ms',
] as const;

function assertCanTick(npub: string, agent: Agent | undefined): asserts agent is Agent {
  if (agent === undefined) unknownAgent(OPERATION, npub);
  if (agent.tick_count >= MAX_INTEGER) throw outOfRange(OPERATION, 'tick_count', npub);
}

function numberTaken(npub: string, tick_number: number): PylonDbError {
  return new PylonDbError(
    'ALREADY_EXISTS',
    `tick ${tick_number} of agent ${npub} is stored already, with other values`,
    { entity: 'tick', id: `${npub} ${tick_number}` },
    {
      operation: OPERATION,
      hint: 'Nothing was stored or charged. Repeat a call with the values of the first one, or give the next number.',
    },
  );
}
