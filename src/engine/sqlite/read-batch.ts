import type { Look, WriteHandle } from '../engine.js';
import { FlushScheduler } from '../flush-scheduler.js';
import type { Bound } from '../prepared.js';
import { LockWait } from './busy.js';
import type { SqliteConnection } from './connection.js';
import { isBusy, WaitedTooLong } from './sqlite-errors.js';

/** How long a batch of reads may block the event loop, in milliseconds. */
const BATCH_BUDGET_MS = 5;

/**
 * Reads that run at once after one that found itself alone in its batch; waiting for company costs
 * a lone read a twentieth. The next looks for company again.
 */
const LONE_READS_AT_ONCE = 7;

interface QueuedRead {
  readonly read: (connection: SqliteConnection) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** How long others had held the lock when it was queued. */
  readonly heldMs: number;
}

/**
 * Reads on a connection of their own. Those called in one turn of the event loop share one read
 * transaction, which saves each the locks of its own; it starts after they were called, so each
 * sees all that was acknowledged before, and ends before the loop goes on.
 */
export class ReadBatch {
  readonly #connection: SqliteConnection;
  readonly #busyTimeoutMs: number;
  readonly #scheduler = new FlushScheduler(() => this.flush());
  readonly #lock = new LockWait();
  #entries: QueuedRead[] = [];
  #atOnce = 0;

  constructor(connection: SqliteConnection, busyTimeoutMs: number) {
    this.#connection = connection;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /**
   * Gives what `read` gives: at once where it needs no company, or a promise. Throws raw driver errors,
   * {@link WaitedTooLong}, or what `read` throws.
   */
  run<Result>(read: (connection: SqliteConnection) => Result): Result | Promise<Result> {
    if (this.#atOnce > 0 && this.#entries.length === 0 && !this.#scheduler.turn.isOver) {
      this.#atOnce -= 1;
      try {
        return read(this.#connection);
      } catch (error) {
        if (!isBusy(error)) throw error;
        return this.#queued(read, (entry) => this.#wait([entry], error));
      }
    }
    return this.#queued(read, (entry) => {
      this.#entries.push(entry);
      this.#scheduler.schedule(false);
    });
  }

  /** See {@link WriteHandle.look}. A connection that is locked out leaves it to the write. */
  look<Row>(query: Bound<Row>, connection: SqliteConnection): Look<Row> | undefined {
    const { turn } = this.#scheduler;
    try {
      const row = connection.first(query);
      return { row, turn: turn.isOver ? turn.next() : undefined };
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    }
  }

  #queued<Result>(
    read: (connection: SqliteConnection) => Result,
    queue: (entry: QueuedRead) => void,
  ): Promise<Result> {
    return new Promise<unknown>((resolve, reject) => {
      queue({ read, resolve, reject, heldMs: this.#lock.heldMs });
    }) as Promise<Result>;
  }

  get idle(): boolean {
    return this.#entries.length === 0;
  }

  /** Runs what is queued; a read that takes long lets the event loop go on before the next. */
  flush(): void {
    const entries = this.#entries;
    const [first] = entries;
    if (first === undefined) return;
    this.#entries = [];
    let done = 0;
    try {
      if (entries.length === 1) {
        this.#settle(first);
        this.#atOnce = LONE_READS_AT_ONCE;
      } else {
        this.#atOnce = 0;
        this.#connection.begin();
        const start = performance.now();
        for (const entry of entries) {
          this.#settle(entry);
          done += 1;
          if (performance.now() - start > BATCH_BUDGET_MS) break;
        }
        this.#connection.commit();
        this.#requeue(entries.slice(done));
      }
      this.#lock.taken();
    } catch (error) {
      this.#connection.rollback();
      const unread = entries.slice(done);
      if (isBusy(error)) this.#wait(unread, error);
      // Nobody awaits the flush itself: thrown here, a damaged file would end the process.
      else for (const entry of unread) entry.reject(error);
    }
  }

  #requeue(entries: readonly QueuedRead[]): void {
    if (entries.length === 0) return;
    this.#entries.unshift(...entries);
    this.#scheduler.schedule(true);
  }

  #settle(entry: QueuedRead): void {
    try {
      entry.resolve(entry.read(this.#connection));
    } catch (error) {
      if (isBusy(error)) throw error;
      entry.reject(error);
    }
  }

  /** A checkpoint or a recovery elsewhere can lock out readers for a moment. */
  #wait(entries: readonly QueuedRead[], busy: unknown): void {
    const pause = this.#lock.refused();
    const waiting = entries.filter((entry) => {
      const waitedMs = this.#lock.waitedMs(entry.heldMs);
      if (waitedMs < this.#busyTimeoutMs) return true;
      entry.reject(new WaitedTooLong(waitedMs, busy));
      return false;
    });
    this.#entries.unshift(...waiting);
    if (this.#entries.length > 0) this.#scheduler.scheduleIn(pause);
  }
}
