import type { Job, NewTick } from './contestant.js';
import {
  AGENTS,
  CUSTOMER,
  CUSTOMERS,
  CYCLE,
  FIRST_SECOND,
  hash,
  INPUT,
  npubOf,
  OUTPUT,
  PENDING_A_CYCLE,
  PROCESSING_A_CYCLE,
  YEAR_SECONDS,
} from './rows.js';

const DAY_SECONDS = 86_400;

/** Steps through the rows so that neighbours in time are far apart: coprime to any row count. */
const STRIDE = 7919;

/** The values of calls on one database, the same sequence for every contestant. */
export class Workload {
  readonly #rows: number;
  #step = 0;
  #added = 0;
  #completed = 0;
  #claimed = 0;
  #ticks: number;

  /** Workloads of several processes begin at different ticks, and so at different agents. */
  constructor(rows: number, firstTick = 0) {
    this.#rows = rows;
    this.#ticks = firstTick;
  }

  /** How many jobs are there to complete. */
  get completionsLeft(): number {
    return Math.floor(this.#rows / CYCLE) * PROCESSING_A_CYCLE - this.#completed;
  }

  /** How many jobs are there to claim. */
  get claimsLeft(): number {
    return Math.floor(this.#rows / CYCLE) * PENDING_A_CYCLE - this.#claimed;
  }

  knownJob(): string {
    this.#step = (this.#step + STRIDE) % this.#rows;
    return hash(this.#step + 1);
  }

  knownAgent(): string {
    this.#step = (this.#step + STRIDE) % this.#rows;
    return npubOf(this.#step % AGENTS);
  }

  newJob(): Job {
    const number = this.#rows + ++this.#added;
    return {
      id: hash(number),
      kind: 5100,
      customer_pubkey: hash(CUSTOMER + (number % CUSTOMERS)),
      status: 'processing',
      price_msats: 0,
      input_hash: hash(INPUT + number),
      output_hash: null,
      error_message: null,
      started_at: FIRST_SECOND + YEAR_SECONDS + number,
      completed_at: null,
      created_at: FIRST_SECOND + YEAR_SECONDS + number,
    };
  }

  /** Each job that is in progress, once, newest first: work at hand is recent. */
  completion(): { id: string; output_hash: string; price_msats: number } {
    const nth = this.#completed++;
    const cycle = Math.floor(this.#rows / CYCLE) - 1 - Math.floor(nth / PROCESSING_A_CYCLE);
    const number = cycle * CYCLE + PENDING_A_CYCLE + (nth % PROCESSING_A_CYCLE);
    return { id: hash(number), output_hash: hash(OUTPUT + number), price_msats: 21_000 };
  }

  /** Counts a claim: which job it is, the database says. */
  claim(): void {
    this.#claimed += 1;
  }

  newTick(agents = AGENTS): { npub: string; tick: NewTick } {
    const number = ++this.#ticks;
    return {
      npub: npubOf(number % agents),
      tick: {
        tick_number: this.#rows + number,
        prompt_tokens: 100 + (number % 900),
        completion_tokens: 50 + (number % 400),
        actions_json: '["Post","Zap"]',
        cost_sats: 5,
        duration_ms: 1200,
      },
    };
  }

  /** The last 30 days of the data. */
  month(): { start: number; end: number } {
    const end = FIRST_SECOND + YEAR_SECONDS;
    return { start: end - 30 * DAY_SECONDS, end: end - 1 };
  }
}
