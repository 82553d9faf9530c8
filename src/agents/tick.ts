import type { Insertable, Selectable } from 'kysely';
import type { DB } from '../../generated/db.js';
import {
  boolean,
  type Check,
  integer,
  json,
  limit,
  nullable,
  object,
  pageStart,
  storedInteger,
  timestamp,
} from '../schema/input.js';
import { TableRows } from '../schema/row.js';
import { TICK_HISTORY } from '../schema/tables.js';

/** A row of `tick_history`: the cost in satoshis, the duration in milliseconds. */
export type Tick = Selectable<DB['tick_history']>;

type GivenTick = Omit<Insertable<DB['tick_history']>, 'id' | 'agent_npub' | 'created_at'>;

/**
 * A tick to record; the agent, the id and the time come with the call. Without `tick_number` it gets the
 * next one. `charge` takes `cost_sats` from the agent's balance, and needs both: a repeat is known by its
 * number.
 */
export type NewTick =
  | (Omit<GivenTick, 'tick_number'> & {
      readonly tick_number?: number | undefined;
      readonly charge?: false | undefined;
    })
  | (Omit<GivenTick, 'cost_sats'> & { readonly cost_sats: number; readonly charge: true });

/** Where the next page of ticks starts: after this row. Other fields are not read. */
export type TickPageStart = Pick<Tick, 'tick_number' | 'id'>;

const amount = nullable(integer());
const NEW_TICK: Record<keyof NewTick, Check> = {
  charge: boolean,
  tick_number: integer(),
  prompt_tokens: amount,
  completion_tokens: amount,
  actions_json: nullable(json),
  cost_sats: amount,
  duration_ms: amount,
};

/** The checks of what callers of the agents service give about ticks. */
export const tickInput = {
  tick: object(NEW_TICK),
  charged: object({ ...NEW_TICK, cost_sats: integer() }, ['tick_number', 'cost_sats']),
  prune: object({ before: timestamp }, ['before']),
  page: object({ limit, before: pageStart({ tick_number: storedInteger, id: storedInteger }) }),
} satisfies Record<string, Check>;

/** Ticks as queries give them. */
export const TICK_ROWS = new TableRows(TICK_HISTORY, (row) => ({
  id: row[0],
  agent_npub: row[1],
  tick_number: row[2],
  prompt_tokens: row[3],
  completion_tokens: row[4],
  actions_json: row[5],
  cost_sats: row[6],
  duration_ms: row[7],
  created_at: row[8],
}));
