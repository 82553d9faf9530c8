import type { ExpressionBuilder } from 'kysely';
import type { DB, LifecycleState } from '../../generated/db.js';
import { noRows, type Params, prepared } from '../engine/prepared.js';
import type { SqlSyntax } from '../engine/sql-syntax.js';
import { MAX_INTEGER } from '../schema/input.js';
import { PlainRows } from '../schema/plain-row.js';
import { text } from '../schema/tables.js';
import { AGENT_ROWS, type Agent, type AgentPatch, PATCH_COLUMNS } from './agent.js';

export const NPUB_ROWS = new PlainRows([text('npub')], ({ npub }) => npub);

export const getAgent = prepared(
  'agents.get',
  (db, p: Params<{ npub: string }>) =>
    db.selectFrom('agents').select(AGENT_ROWS.columns).where('npub', '=', p.npub),
  AGENT_ROWS,
);

/** Like {@link getAgent}, and nobody else changes the agent until the unit is stored. */
export const lockAgent = prepared(
  'agents.get for a change',
  (db, p: Params<{ npub: string }>) =>
    db.selectFrom('agents').select(AGENT_ROWS.columns).where('npub', '=', p.npub).forUpdate(),
  AGENT_ROWS,
  { locks: { agent: 'npub' } },
);

/** Keeps new ticks of an agent out until the unit is stored, whatever its row holds. */
export const keepTicksOut = prepared(
  'agents.delete lock',
  (db, p: Params<{ npub: string }>) =>
    db.selectFrom('agents').select('npub').where('npub', '=', p.npub).forUpdate(),
  NPUB_ROWS,
  { locks: { agent: 'npub' } },
);

/** An agent that is there can be changed, and then stands; conditional changes say which can. */
export const agentOutcome = {
  table: 'agents',
  what: ({ npub }: { npub: string }) => `a change of agent ${npub}`,
  wanted: ({ npub }: { npub: string }) => keepTicksOut({ npub }),
  look: ({ npub }: { npub: string }) => getAgent({ npub }),
} as const;

/** What an upsert leaves as it is when the caller gives nothing for it. */
type OptionalColumn = Exclude<keyof AgentPatch, 'name' | 'lifecycle_state'>;

const OPTIONAL_COLUMNS = PATCH_COLUMNS.filter(
  (column): column is OptionalColumn => column !== 'name' && column !== 'lifecycle_state',
);

type Given = Record<`has_${OptionalColumn}`, number>;

/** `has_…` is 1 for a column that the caller gave, and 0 for one that stays. */
export const upsertAgent = prepared(
  'agents.upsert',
  (db, p: Params<Agent & Given>) =>
    db
      .insertInto('agents')
      .values(AGENT_ROWS.values(p))
      .onConflict((conflict) =>
        conflict.column('npub').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          lifecycle_state: eb.ref('excluded.lifecycle_state'),
          updated_at: eb.ref('excluded.updated_at'),
          ...Object.fromEntries(
            OPTIONAL_COLUMNS.map((column) => [
              column,
              eb
                .case()
                .when(p[`has_${column}`], '=', 1)
                .then(eb.ref(`excluded.${column}`))
                .else(eb.ref(`agents.${column}`))
                .end(),
            ]),
          ),
        })),
      )
      .returning(AGENT_ROWS.columns),
  AGENT_ROWS,
  { locks: { agent: 'npub' }, outcome: { ...agentOutcome, always: true } },
);

/** Agents are few: sorting them costs nothing, an index on `updated_at` would cost every tick. */
export const agentsByState = prepared(
  'agents.listByState',
  (db, p: Params<{ state: LifecycleState }>) =>
    db
      .selectFrom('agents')
      .select(AGENT_ROWS.columns)
      .where('lifecycle_state', '=', p.state)
      .orderBy('updated_at', 'desc')
      .orderBy('npub', 'desc'),
  AGENT_ROWS,
);

export const allAgents = prepared(
  'agents.listAll',
  (db) =>
    db
      .selectFrom('agents')
      .select(AGENT_ROWS.columns)
      .orderBy('updated_at', 'desc')
      .orderBy('npub', 'desc'),
  AGENT_ROWS,
);

export const updateAgentState = prepared(
  'agents.updateState',
  (db, p: Params<{ npub: string; state: LifecycleState; now: number }>) =>
    db
      .updateTable('agents')
      .set({ lifecycle_state: p.state, updated_at: p.now })
      .where('npub', '=', p.npub)
      .returning(AGENT_ROWS.columns),
  AGENT_ROWS,
  { locks: { agent: 'npub' }, outcome: agentOutcome },
);

/** Like {@link updateAgentState}, when the state is one of `from`, a JSON list. */
export const updateAgentStateFrom = prepared(
  'agents.updateState from',
  (db, p: Params<{ npub: string; state: LifecycleState; now: number; from: string }>, syntax) =>
    db
      .updateTable('agents')
      .set({ lifecycle_state: p.state, updated_at: p.now })
      .where('npub', '=', p.npub)
      .where('lifecycle_state', 'in', syntax.texts<LifecycleState>(p.from))
      .returning(AGENT_ROWS.columns),
  AGENT_ROWS,
  {
    locks: { agent: 'npub' },
    outcome: { ...agentOutcome, wanted: ({ npub, from }) => agentInState({ npub, from }) },
  },
);

/** Whether an agent is in one of `from`; nobody else changes it until the unit is stored. */
const agentInState = prepared(
  'agents.updateState lock',
  (db, p: Params<{ npub: string; from: string }>, syntax) =>
    db
      .selectFrom('agents')
      .select('npub')
      .where('npub', '=', p.npub)
      .where('lifecycle_state', 'in', syntax.texts<LifecycleState>(p.from))
      .forUpdate(),
  NPUB_ROWS,
  { locks: { agent: 'npub' } },
);

type Patched = Pick<Agent, keyof AgentPatch>;

const patchQueries = new Map<string, ReturnType<typeof patchQuery>>();

/** Changes the fields that a patch gives, and no others: another process may change those. */
export function patchAgent(npub: string, now: number, patch: AgentPatch) {
  const columns = PATCH_COLUMNS.filter((column) => patch[column] !== undefined);
  const name = columns.join(' ');
  const query = patchQueries.get(name) ?? patchQuery(columns);
  patchQueries.set(name, query);
  const given = Object.fromEntries(columns.map((column) => [column, patch[column] ?? null]));
  // The query has a place for these, and for no others.
  return query({ ...(given as Patched), npub, now });
}

function patchQuery(columns: readonly (keyof AgentPatch)[]) {
  return prepared(
    `agents.update ${columns.join(' ')}`,
    (db, p: Params<Patched & { npub: string; now: number }>) =>
      db
        .updateTable('agents')
        .set({ ...Object.fromEntries(columns.map((name) => [name, p[name]])), updated_at: p.now })
        .where('npub', '=', p.npub)
        .returning(AGENT_ROWS.columns),
    AGENT_ROWS,
    { locks: { agent: 'npub' }, outcome: agentOutcome },
  );
}

export const updateAgentBalance = prepared(
  'agents.updateBalance',
  (db, p: Params<{ npub: string; balance_sats: number; now: number }>) =>
    db
      .updateTable('agents')
      .set({ balance_sats: p.balance_sats, updated_at: p.now })
      .where('npub', '=', p.npub)
      .returning(AGENT_ROWS.columns),
  AGENT_ROWS,
  { locks: { agent: 'npub' }, outcome: agentOutcome },
);

interface Adjustment {
  npub: string;
  delta_sats: number;
}

/** The agent whose balance can change by that much: the sum is a safe integer and not below zero. */
const canAdjust =
  (p: Params<Adjustment>, syntax: SqlSyntax) =>
  ({ and, between, cast, eb }: ExpressionBuilder<DB, 'agents'>) =>
    and([
      eb('npub', '=', p.npub),
      syntax.isSafeInteger('balance_sats'),
      between(eb('balance_sats', '+', cast<number>(p.delta_sats, 'bigint')), 0, MAX_INTEGER),
    ]);

const adjustable = prepared(
  'agents.adjustBalance wanted',
  (db, p: Params<Adjustment>, syntax) =>
    db.selectFrom('agents').select('npub').where(canAdjust(p, syntax)).forUpdate(),
  NPUB_ROWS,
  { locks: { agent: 'npub' } },
);

export const adjustAgentBalance = prepared(
  'agents.adjustBalance',
  (db, p: Params<Adjustment & { now: number }>, syntax) =>
    db
      .updateTable('agents')
      .set((eb) => ({
        // SQLite is given numbers as reals; the sum must be one of integers.
        balance_sats: eb('balance_sats', '+', eb.cast<number>(p.delta_sats, 'bigint')),
        updated_at: p.now,
      }))
      .where(canAdjust(p, syntax))
      .returning(AGENT_ROWS.columns),
  AGENT_ROWS,
  {
    locks: { agent: 'npub' },
    outcome: {
      ...agentOutcome,
      wanted: ({ npub, delta_sats }) => adjustable({ npub, delta_sats }),
    },
  },
);

/** In a unit after {@link keepTicksOut} found the agent. */
export const deleteAgent = prepared(
  'agents.delete',
  (db, p: Params<{ npub: string }>) => db.deleteFrom('agents').where('npub', '=', p.npub),
  noRows(),
  {
    locks: { agent: 'npub' },
    outcome: {
      table: 'agents',
      always: true,
      deletes: true,
      what: ({ npub }) => `the deletion of agent ${npub}`,
      look: ({ npub }) => keepTicksOut({ npub }),
    },
  },
);
