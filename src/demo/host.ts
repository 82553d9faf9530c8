import { isPylonDbError, type PylonDb } from '../index.js';
import type { SeededRandom } from './random.js';

const BECH32 = '023456789acdefghjklmnpqrstuvwxyz';

/** An active agent thinks so often, in minutes. */
const TICK_EVERY_MINUTES = 20;

/** The host mode of the node: agents that live as long as their balance lasts. */
export class Host {
  readonly #db: PylonDb;
  readonly #random: SeededRandom;

  constructor(db: PylonDb, random: SeededRandom) {
    this.#db = db;
    this.#random = random;
  }

  /** Stores a new agent, waiting for its first funding, and gives its npub. */
  async create(name: string): Promise<string> {
    const npub = `npub1${this.#random.text(58, BECH32)}`;
    await this.#db.agents.upsert({ npub, name, lifecycle_state: 'embryonic' });
    return npub;
  }

  /** Adds to an agent's balance and wakes it, both or neither. */
  async fund(npub: string, sats: number): Promise<void> {
    await this.#db.transaction(async (tx) => {
      await tx.agents.adjustBalance(npub, sats);
      await tx.agents.updateState(npub, 'active');
    });
  }

  /** One minute of all active agents; gives the names of those that fell asleep. */
  async minute(minute: number): Promise<string[]> {
    if (minute % TICK_EVERY_MINUTES !== 0) return [];
    const asleep: string[] = [];
    for (const agent of await this.#db.agents.listByState('active')) {
      try {
        await this.#tick(agent.npub, agent.tick_count + 1);
      } catch (error) {
        // It can't pay for this tick: neither the tick nor its cost was stored.
        if (!isPylonDbError(error, 'OUT_OF_RANGE')) throw error;
        await this.#db.agents.updateState(agent.npub, 'dormant');
        asleep.push(agent.name);
      }
    }
    return asleep;
  }

  async #tick(npub: string, tick_number: number): Promise<void> {
    const cost_sats = this.#random.integer(3, 12);
    await this.#db.transaction(async (tx) => {
      await tx.agents.recordTick(npub, {
        tick_number,
        cost_sats,
        prompt_tokens: this.#random.integer(400, 2000),
        completion_tokens: this.#random.integer(50, 400),
        actions_json: JSON.stringify(this.#random.chance(0.3) ? ['Post'] : []),
        duration_ms: this.#random.integer(600, 4000),
      });
      await tx.agents.adjustBalance(npub, -cost_sats);
    });
  }
}
