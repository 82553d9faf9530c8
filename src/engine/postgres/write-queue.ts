import { FlushScheduler } from '../flush-scheduler.js';
import type { RawResult } from '../kysely-connection.js';
import { BatchPlan, type Queued } from './batch-plan.js';
import type { SessionPool } from './pool.js';
import { type AssertPublished, RawWrite, rawWrite } from './raw-write.js';
import { retryConflicts } from './retry.js';
import type { Session } from './session.js';
import type { TriggerWatch } from './trigger-watch.js';
import type { Unit } from './unit.js';

/** The most units of one transaction: its locks are held until all have run. */
const UNITS_PER_BATCH = 200;

interface WriteQueueProps {
  readonly busyTimeoutMs: number;
  readonly triggers: TriggerWatch;
  readonly assertPublished: AssertPublished;
}

/**
 * The writes of one PylonDb, on one connection at a time. Units that wait while a batch is on its
 * way to the server make up the next one: one round trip and one commit for all of them. A promise
 * settles only after COMMIT was answered, so whatever did not commit may run again: when a unit
 * fails, the batch is undone, and the others run without it.
 */
export class WriteQueue {
  readonly #pool: SessionPool;
  readonly #busyTimeoutMs: number;
  readonly #triggers: TriggerWatch;
  readonly #assertPublished: AssertPublished;
  readonly #scheduler = new FlushScheduler(() => void this.#flush());
  readonly #entries: Queued[] = [];
  #running = false;
  #lastBatch = 0;

  constructor(pool: SessionPool, props: WriteQueueProps) {
    this.#pool = pool;
    this.#busyTimeoutMs = props.busyTimeoutMs;
    this.#triggers = props.triggers;
    this.#assertPublished = props.assertPublished;
  }

  /** Stores one unit. Throws what the connection throws, or what inspecting its results throws. */
  async unit(work: Unit): Promise<unknown> {
    return await this.#push(work);
  }

  /** Runs one ad-hoc statement in its place. */
  async raw(work: RawWrite): Promise<RawResult> {
    return (await this.#push(work)) as RawResult;
  }

  #push(work: Unit | RawWrite): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#entries.push({ work, resolve, reject, alone: work instanceof RawWrite });
      if (!this.#running) this.#scheduler.schedule(this.#lastBatch > 1);
    });
  }

  async #flush(): Promise<void> {
    if (this.#running || this.#entries.length === 0) return;
    this.#running = true;
    const batch = this.#take();
    try {
      await retryConflicts(
        () => this.#pool.withSession((session) => this.#store(session, batch)),
        this.#busyTimeoutMs,
      );
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#lastBatch = batch.length;
    this.#running = false;
    if (this.#entries.length > 0) this.#scheduler.schedule(this.#lastBatch > 1);
  }

  /** The first, and those behind it that may share its transaction. */
  #take(): readonly Queued[] {
    const end = this.#entries.findIndex(({ alone }) => alone);
    const together = end === -1 ? this.#entries.length : Math.max(1, end);
    return this.#entries.splice(0, Math.min(together, UNITS_PER_BATCH));
  }

  async #store(session: Session, batch: readonly Queued[]): Promise<void> {
    const [first] = batch;
    if (first?.work instanceof RawWrite) {
      this.#triggers.forget();
      first.resolve(await rawWrite(session, first.work, this.#assertPublished));
      return;
    }
    const plan = new BatchPlan(session, batch, this.#triggers.due());
    const failed = await plan.run(session, this.#triggers);
    if (failed === undefined) return;
    if (batch.length === 1) return failed.entry.reject(failed.error);
    // What it failed of may be another unit's doing, which was undone with it.
    failed.entry.alone = true;
    this.#entries.unshift(...batch);
  }
}
