import type { LifecycleState } from '../../generated/db.js';
import {
  type Admission,
  type Clock,
  isStepWithoutRows,
  type WriteHandle,
} from '../engine/engine.js';
import type { Bound } from '../engine/prepared.js';
import { isPylonDbError, PylonDbError } from '../errors.js';
import { type Agent, type AgentPatch, agentInput, type NewAgent } from './agent.js';
import { outOfRange, unknownAgent } from './agent-errors.js';
import { pruneTicks } from './prune-ticks.js';
import {
  adjustAgentBalance,
  agentsByState,
  allAgents,
  deleteAgent,
  getAgent,
  keepTicksOut,
  lockAgent,
  patchAgent,
  updateAgentBalance,
  updateAgentState,
  updateAgentStateFrom,
  upsertAgent,
} from './queries.js';
import { recordTick } from './record-tick.js';
import { type NewTick, type Tick, type TickPageStart, tickInput } from './tick.js';
import { deleteTicks, ticksOfAgent, ticksOfAgentBefore } from './tick-queries.js';

/** Ticks that `tickHistory` gives when the caller names no limit, as published. */
const DEFAULT_TICKS = 10;

/**
 * Agents of the host mode and their ticks. Every method rejects with a `PylonDbError`; bad input
 * with `INVALID_ARGUMENT`, changing nothing; a change of an unknown agent with `NOT_FOUND`.
 */
export class AgentsService {
  readonly #db: WriteHandle;
  readonly #clock: Clock;

  constructor(db: WriteHandle, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Stores a new agent, or changes a known one, and gives it as stored. Of a known one `created_at`
   * survives and fields left out stay; `updated_at` is always now.
   */
  async upsert(agent: NewAgent): Promise<Agent> {
    const operation = 'agents.upsert';
    agentInput.agent(agent, 'agent', operation);
    const now = this.#clock();
    const query = upsertAgent({
      npub: agent.npub,
      name: agent.name,
      lifecycle_state: agent.lifecycle_state,
      balance_sats: agent.balance_sats ?? 0,
      tick_count: agent.tick_count ?? 0,
      last_tick_at: agent.last_tick_at ?? null,
      memory_json: agent.memory_json ?? null,
      goals_json: agent.goals_json ?? null,
      created_at: agent.created_at ?? now,
      updated_at: now,
      has_balance_sats: Number(agent.balance_sats !== undefined),
      has_tick_count: Number(agent.tick_count !== undefined),
      has_last_tick_at: Number(agent.last_tick_at !== undefined),
      has_memory_json: Number(agent.memory_json !== undefined),
      has_goals_json: Number(agent.goals_json !== undefined),
    });
    const [{ rows }] = await this.#db.write(operation, [{ query }]);
    const [stored] = rows;
    // An upsert that touches nothing throws.
    return stored ?? unknownAgent(operation, agent.npub);
  }

  /** The agent, or `undefined` when there is none. */
  async get(npub: string): Promise<Agent | undefined> {
    agentInput.npub(npub, 'npub', 'agents.get');
    return await this.#db.first('agents.get', getAgent({ npub }));
  }

  /** All agents in one state, newest `updated_at` first. */
  async listByState(state: LifecycleState): Promise<Agent[]> {
    agentInput.state(state, 'state', 'agents.listByState');
    return await this.#db.all('agents.listByState', agentsByState({ state }));
  }

  /** All agents, newest `updated_at` first. */
  async listAll(): Promise<Agent[]> {
    return await this.#db.all('agents.listAll', allAgents({}));
  }

  /**
   * Changes the given fields only, and `updated_at`, and gives the agent as stored: what others
   * changed of it since the caller read it stays. An empty patch is refused.
   */
  async update(npub: string, patch: AgentPatch): Promise<Agent> {
    const operation = 'agents.update';
    agentInput.npub(npub, 'npub', operation);
    agentInput.patch(patch, 'patch', operation);
    return await this.#change(operation, npub, patchAgent(npub, this.#clock(), patch));
  }

  /**
   * Moves an agent to another state, any to any, and gives it as stored. `from` names the states it
   * may have now: else `ILLEGAL_TRANSITION`, and nothing is changed.
   */
  async updateState(
    npub: string,
    state: LifecycleState,
    options: { readonly from?: LifecycleState | readonly LifecycleState[] } = {},
  ): Promise<Agent> {
    const operation = 'agents.updateState';
    agentInput.npub(npub, 'npub', operation);
    agentInput.state(state, 'state', operation);
    agentInput.from(options, 'options', operation);
    const now = this.#clock();
    if (options.from === undefined) {
      return await this.#change(operation, npub, updateAgentState({ npub, state, now }));
    }
    const from = JSON.stringify([options.from].flat());
    const query = updateAgentStateFrom({ npub, state, now, from });
    const [changed] = await this.#db.write(operation, [{ query }]);
    if (changed.rows[0] !== undefined) return changed.rows[0];
    const look = { query: lockAgent({ npub }) };
    const again = { query, watched: true };
    const [found, { rows }] = await this.#db.write(operation, [look, again], 'continuation');
    if (rows[0] !== undefined) return rows[0];
    throw illegalState(operation, found.rows[0] ?? unknownAgent(operation, npub), state);
  }

  /** Sets an agent's balance in sats, and gives the agent as stored. */
  async updateBalance(npub: string, balance_sats: number): Promise<Agent> {
    const operation = 'agents.updateBalance';
    agentInput.npub(npub, 'npub', operation);
    agentInput.balance(balance_sats, 'balance_sats', operation);
    const query = updateAgentBalance({ npub, balance_sats, now: this.#clock() });
    return await this.#change(operation, npub, query);
  }

  /**
   * Adds to an agent's balance, or takes from it, in one statement, and gives the agent as stored.
   * Throws `OUT_OF_RANGE` when the balance would leave 0 … 2^53-1; then it stays.
   */
  async adjustBalance(npub: string, delta_sats: number): Promise<Agent> {
    const operation = 'agents.adjustBalance';
    agentInput.npub(npub, 'npub', operation);
    agentInput.delta(delta_sats, 'delta_sats', operation);
    const query = adjustAgentBalance({ npub, delta_sats, now: this.#clock() });
    const [adjusted] = await this.#db.write(operation, [{ query }]);
    if (adjusted.rows[0] !== undefined) return adjusted.rows[0];
    const look = { query: lockAgent({ npub }) };
    const again = { query, watched: true };
    const [found, { rows }] = await this.#db.write(operation, [look, again], 'continuation');
    if (rows[0] !== undefined) return rows[0];
    if (found.rows[0] === undefined) unknownAgent(operation, npub);
    throw outOfRange(operation, 'balance_sats', npub);
  }

  /**
   * Stores a tick, counts it on its agent (`tick_count`, `last_tick_at`, `updated_at`) and gives it as
   * stored, all or nothing. Without `tick_number` it gets max(highest number, `tick_count`) + 1. The
   * balance stays, unless `charge` takes `cost_sats` from it: below zero `OUT_OF_RANGE`. A charged call
   * may be repeated: the same number with the same values gives the stored tick and takes nothing, with
   * others `ALREADY_EXISTS`.
   */
  recordTick(npub: string, tick: NewTick): Promise<Tick> {
    return recordTick(this.#db, this.#clock, npub, tick);
  }

  /** An agent's ticks, highest `tick_number` first; `before` takes the last row of the page before. */
  async tickHistory(
    npub: string,
    options: { readonly limit?: number; readonly before?: TickPageStart } = {},
  ): Promise<Tick[]> {
    const operation = 'agents.tickHistory';
    agentInput.npub(npub, 'npub', operation);
    tickInput.page(options, 'options', operation);
    const { limit = DEFAULT_TICKS, before } = options;
    const query =
      before === undefined
        ? ticksOfAgent({ npub, limit })
        : ticksOfAgentBefore({ npub, limit, tick_number: before.tick_number, id: before.id });
    return await this.#db.all(operation, query);
  }

  /**
   * Deletes the ticks that were recorded before a time (unix seconds), in small units that let others
   * write, and gives how many. Agents keep their `tick_count`. Stopped in the middle, call it again.
   */
  async pruneTicks(options: { readonly before: number }): Promise<number> {
    const operation = 'agents.pruneTicks';
    tickInput.prune(options, 'options', operation);
    return await this.#db.during(operation, () => pruneTicks(this.#db, operation, options.before));
  }

  /** Deletes an agent with its ticks, all or nothing; `false` when there was none. */
  async delete(npub: string): Promise<boolean> {
    agentInput.npub(npub, 'npub', 'agents.delete');
    try {
      return await this.#delete(npub);
    } catch (error) {
      if (!isPylonDbError(error, 'INVALID_ARGUMENT') || error.constraint !== 'foreign_key') {
        throw error;
      }
      // Ticks that a trigger of another program kept, or rows of that program: watched, the first
      // throws.
      return await this.#delete(npub, 'continuation');
    }
  }

  async #delete(npub: string, admission?: Admission): Promise<boolean> {
    const watched = admission === 'continuation';
    const unit = [
      { query: keepTicksOut({ npub }), required: true },
      { query: deleteTicks({ npub }), watched },
      { query: deleteAgent({ npub }) },
    ];
    try {
      await this.#db.write('agents.delete', unit, admission);
      return true;
    } catch (error) {
      if (isStepWithoutRows(error)) return false;
      throw error;
    }
  }

  /** Runs an update of an agent that holds whatever its row holds. Throws `NOT_FOUND`. */
  async #change(operation: string, npub: string, query: Bound<Agent>): Promise<Agent> {
    const [changed] = await this.#db.write(operation, [{ query }]);
    if (changed.rows[0] !== undefined) return changed.rows[0];
    // An agent that isn't there, or a trigger of another program: watched, that one throws.
    const [again] = await this.#db.write(operation, [{ query, watched: true }], 'continuation');
    return again.rows[0] ?? unknownAgent(operation, npub);
  }
}

function illegalState(operation: string, agent: Agent, to: LifecycleState): PylonDbError {
  const { npub: id, lifecycle_state: from } = agent;
  return new PylonDbError(
    'ILLEGAL_TRANSITION',
    `agent ${id} is ${from}, which is not among the states to leave`,
    { id, from, to },
    { operation, hint: 'Nothing was changed. Look at the agent, and decide again.' },
  );
}
