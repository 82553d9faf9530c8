import { createHash } from 'node:crypto';
import type { Job, PylonDb } from '../index.js';
import type { SeededRandom } from './random.js';

const HEX = '0123456789abcdef';

/** NIP-90 kinds: text generation, extraction, summary. */
const KINDS = [5100, 5000, 5001] as const;

/** Jobs that arrive in a minute, by the hour of the day (UTC): quiet nights, busy afternoons. */
const ARRIVALS = [
  0.05, 0.04, 0.03, 0.03, 0.04, 0.06, 0.1, 0.16, 0.22, 0.28, 0.3, 0.26, 0.2, 0.26, 0.32, 0.34, 0.3,
  0.26, 0.24, 0.28, 0.26, 0.2, 0.2, 0.25,
] as const;

/** A processing job of this age, in seconds, has lost its worker. */
const STALE_AFTER_SECONDS = 20 * 60;

interface Work {
  readonly job: Job;
  readonly doneAt: number;
}

/** The provider mode of the node: customers send jobs, one worker takes them and is paid. */
export class Provider {
  readonly #db: PylonDb;
  readonly #random: SeededRandom;
  #work: Work | undefined;

  constructor(db: PylonDb, random: SeededRandom) {
    this.#db = db;
    this.#random = random;
  }

  /** One minute at `now` (unix seconds), in the hour `hour`. */
  async minute(now: number, hour: number): Promise<void> {
    if (this.#random.chance(ARRIVALS[hour] ?? 0)) await this.#receive();
    if (this.#random.chance(0.03)) await this.#cancelNewest();
    if (this.#random.chance(0.012)) await this.#receiveTip();
    if (this.#work !== undefined && this.#work.doneAt <= now) await this.#finish(this.#work.job);
    this.#work ??= await this.#claim(now);
  }

  /** The worker dies: its job stays `processing`, and nobody works on it. Whether it had one. */
  loseWorker(): boolean {
    const hadWork = this.#work !== undefined;
    this.#work = undefined;
    return hadWork;
  }

  /** Puts jobs of dead workers back into the queue, and gives how many. */
  async recover(now: number): Promise<number> {
    return await this.#db.jobs.requeueStale({ startedBefore: now - STALE_AFTER_SECONDS });
  }

  async #receive(): Promise<void> {
    await this.#db.jobs.create({
      id: this.#random.text(64, HEX),
      kind: KINDS[this.#random.integer(0, KINDS.length - 1)] ?? KINDS[0],
      customer_pubkey: this.#random.text(64, HEX),
      input_hash: this.#random.text(64, HEX),
    });
  }

  async #claim(now: number): Promise<Work | undefined> {
    const job = await this.#db.jobs.claimNext();
    return job && { job, doneAt: now + this.#random.integer(60, 240) };
  }

  async #finish(job: Job): Promise<void> {
    this.#work = undefined;
    if (this.#random.chance(0.08)) {
      await this.#db.jobs.fail(job.id, 'the model ran out of memory');
      // Half of them are worth another try.
      if (this.#random.chance(0.5)) await this.#db.jobs.updateStatus(job.id, 'pending');
      return;
    }
    const preimage = this.#random.text(64, HEX);
    await this.#db.jobs.completeWithPayment(job.id, {
      output_hash: this.#random.text(64, HEX),
      price_msats: this.#random.integer(2, 40) * 500,
      payment_hash: createHash('sha256').update(preimage, 'hex').digest('hex'),
      preimage,
    });
  }

  async #cancelNewest(): Promise<void> {
    const [newest] = await this.#db.jobs.listByStatus('pending', { limit: 1 });
    if (newest !== undefined) await this.#db.jobs.cancel(newest.id);
  }

  async #receiveTip(): Promise<void> {
    await this.#db.earnings.record({
      id: `tip-${this.#random.text(16, HEX)}`,
      amount_msats: this.#random.integer(1, 21) * 1000,
      source: 'tip',
    });
  }
}
