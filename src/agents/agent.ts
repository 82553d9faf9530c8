import type { Insertable, Selectable } from 'kysely';
import { type DB, LIFECYCLE_STATES } from '../../generated/db.js';
import {
  type Check,
  integer,
  invalid,
  json,
  key,
  listOf,
  MAX_INTEGER,
  nullable,
  object,
  oneOf,
  text,
  timestamp,
} from '../schema/input.js';
import { TableRows } from '../schema/row.js';
import { AGENTS } from '../schema/tables.js';

/** A row of `agents`: the balance in satoshis, timestamps in unix seconds. */
export type Agent = Selectable<DB['agents']>;

/** An agent to store. Fields left out keep what is stored, or take the schema's defaults. */
export type NewAgent = Insertable<DB['agents']>;

/** What `agents.update` changes of an agent; fields left out stay as they are. */
export type AgentPatch = Partial<Omit<NewAgent, 'npub' | 'created_at' | 'updated_at'>>;

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

const { npub: _npub, created_at: _created, updated_at: _updated, ...PATCH } = NEW_AGENT;
const patchObject = object(PATCH);

/** The columns that a patch may change. */
export const PATCH_COLUMNS = Object.keys(PATCH) as (keyof AgentPatch)[];

/** A patch that changes something: without a field it is a slip, not a wish. */
const patch: Check = (value, field, operation) => {
  patchObject(value, field, operation);
  const fields = Object.values(value as object);
  if (fields.some((item) => item !== undefined)) return;
  throw invalid(field, operation, `an object with one of ${PATCH_COLUMNS.join(', ')}`, value);
};

/** One state, or several in a list. */
const stateOrStates: Check = (value, field, operation) => {
  const state = oneOf(LIFECYCLE_STATES);
  (Array.isArray(value) ? listOf(state) : state)(value, field, operation);
};

/** The checks of what callers of the agents service give about agents. */
export const agentInput = {
  npub: key,
  state: oneOf(LIFECYCLE_STATES),
  balance: integer(),
  delta: integer(-MAX_INTEGER),
  patch,
  from: object({ from: stateOrStates }),
  agent: object(NEW_AGENT, ['npub', 'name', 'lifecycle_state']),
} satisfies Record<string, Check>;

/** Agents as queries give them. */
export const AGENT_ROWS = new TableRows(AGENTS, (row) => ({
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
}));
