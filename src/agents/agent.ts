import type { Insertable, Selectable } from 'kysely';
import { type DB, LIFECYCLE_STATES, type LifecycleState } from '../../generated/db.js';
import type { RawRow } from '../engine/prepared.js';
import {
  type Check,
  integer,
  json,
  key,
  MAX_INTEGER,
  nullable,
  object,
  oneOf,
  text,
  timestamp,
} from '../input.js';
import { RowCheck } from '../row.js';

/** A row of `agents`: the balance in satoshis, timestamps in unix seconds. */
export type Agent = Selectable<DB['agents']>;

/** An agent to store. Fields left out keep what is stored, or take the schema's defaults. */
export type NewAgent = Insertable<DB['agents']>;

const NEW_AGENT: Record<keyof NewAgent, Check> = {
  npub: key,
  name: text,
  lifecycle_state: oneOf(LIFECYCLE_STATES),
  balance_sats: integer(),
  tick_count: integer(),
  last_tick_at: nullable(timestamp),
  memory_json: nullable(json),
  goals_json: nullable(json),
  created_at: timestamp,
  updated_at: timestamp,
};

/** The checks of what callers of the agents service give about agents. */
export const agentInput = {
  npub: key,
  state: oneOf(LIFECYCLE_STATES),
  balance: integer(),
  delta: integer(-MAX_INTEGER),
  agent: object(NEW_AGENT, ['npub', 'name', 'lifecycle_state']),
} satisfies Record<string, Check>;

const check = new RowCheck('agents', {
  npub: 'key',
  name: 'text',
  lifecycle_state: new Set(LIFECYCLE_STATES),
  balance_sats: 'integer',
  tick_count: 'integer',
  last_tick_at: 'integer or null',
  memory_json: 'text or null',
  goals_json: 'text or null',
  created_at: 'integer',
  updated_at: 'integer',
});

/** The columns of an {@link Agent}, in the order that {@link decodeAgent} reads. */
export const AGENT_COLUMNS = check.columns;

type AgentRow = [
  npub: string,
  name: string,
  lifecycle_state: LifecycleState,
  balance_sats: number,
  tick_count: number,
  last_tick_at: number | null,
  memory_json: string | null,
  goals_json: string | null,
  created_at: number,
  updated_at: number,
];

/** Gives a checked row its shape. Throws `CORRUPT_ROW` or `OUT_OF_RANGE`. */
export function decodeAgent(raw: RawRow): Agent {
  check.assert(raw);
  const row = raw as AgentRow;
  return {
    npub: row[0],
    name: row[1],
    lifecycle_state: row[2],
    balance_sats: row[3],
    tick_count: row[4],
    last_tick_at: row[5],
    memory_json: row[6],
    goals_json: row[7],
    created_at: row[8],
    updated_at: row[9],
  };
}
