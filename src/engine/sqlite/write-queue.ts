import { FlushScheduler } from '../flush-scheduler.js';
import type { CallSite } from '../transaction-scope.js';
import { LockWait, retryWhileBusy } from './busy.js';
import type { SqliteConnection } from './connection.js';
import type { FilePlace } from './file-place.js';
import { type Holder, IdleWatch } from './idle-watch.js';
import { CommitUnknown, isBusy, WaitedTooLong } from './sqlite-errors.js';
import type { CallPace } from './transaction.js';
import { runInSavepoint, type Work } from './unit.js';

/** The most units that one transaction takes, so that a full disk replays a bounded number. */
const UNITS_PER_BATCH = 1000;

/** How long a batch may block the event loop before it commits, in milliseconds. */
const BATCH_BUDGET_MS = 5;

/** Batches that use savepoints after one was needed; the next needs them too, often enough. */
const CAREFUL_BATCHES = 20;

interface QueuedUnit {
  readonly work: Work<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  alone: boolean;
  /** How long others had held the lock when it was queued. */
  readonly heldMs: number;
}

interface QueuedTurn {
  readonly turn: Turn;
  readonly grant: () => void;
}

/** The queue's connection, for its holder alone. */
export interface Turn extends Holder, CallPace {
  /** Throws {@link WaitedTooLong}, or raw driver errors. */
  begin(): Promise<void>;
  release(): void;
}

/**
 * All writes of one connection, first come, first served. Units queued in one turn of the event
 * loop share one transaction (group commit), in which a failing unit fails alone. A promise
 * settles only after COMMIT returned, so whatever did not commit may run again:
 *
 * - A unit that fails before it changed anything (an unknown id, a key that stands already) leaves
 *   nothing to undo. When one fails later, the batch rolls back and runs again, each unit in a
 *   savepoint of its own. Savepoints from the start would cost every tick half as much again: they
 *   copy each page before its first change.
 * - Whatever ends a shared transaction early (a full disk, RAISE(ROLLBACK), a failed COMMIT) makes
 *   its units run again, each in a transaction of its own; only the one that can't be stored
 *   rejects, with its own error. When nobody can know whether the COMMIT is stored, all of them do.
 */
export class WriteQueue {
  readonly connection: SqliteConnection;
  readonly #place: FilePlace | undefined;
  readonly #busyTimeoutMs: number;
  readonly #scheduler = new FlushScheduler(() => this.#flush());
  readonly #lock = new LockWait();
  readonly #entries: (QueuedUnit | QueuedTurn)[] = [];
  readonly #idleWatch = new IdleWatch();
  #holder: Turn | undefined;
  #lastBatch = 0;
  #carefulBatches = 0;

  /** Without a `place` in memory. */
  constructor(connection: SqliteConnection, busyTimeoutMs: number, place: FilePlace | undefined) {
    this.connection = connection;
    this.#place = place;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Stores one unit. Throws raw driver errors, {@link WaitedTooLong}, or what `work` throws. */
  run<Result>(work: Work<Result>): Promise<Result> {
    return new Promise<unknown>((resolve, reject) => {
      this.#push({ work, resolve, reject, alone: work.alone, heldMs: this.#lock.heldMs });
    }) as Promise<Result>;
  }

  /**
   * Waits for its place in the queue and keeps it until it is released; `openedAt` names the
   * transaction that wants it.
   */
  turn(openedAt?: CallSite): Promise<Turn> {
    const { heldMs } = this.#lock;
    const turn: Turn = {
      openedAt,
      calls: 0,
      loop: this.#scheduler.turn,
      begin: () =>
        retryWhileBusy(
          () => this.connection.beginImmediate(),
          this.#busyTimeoutMs,
          this.#lock,
          heldMs,
        ),
      release: () => this.#release(),
    };
    return new Promise((resolve) => {
      this.#push({ turn, grant: () => resolve(turn) });
    });
  }

  /** Whether nothing waits; the holder of a turn doesn't count. */
  get idle(): boolean {
    return this.#entries.length === 0;
  }

  #push(entry: QueuedUnit | QueuedTurn): void {
    this.#entries.push(entry);
    if (this.#holder === undefined) this.#scheduler.schedule(this.#lastBatch > 1);
    else this.#idleWatch.waitFor(this.#holder);
  }

  #release(): void {
    this.#holder = undefined;
    this.#idleWatch.stop();
    this.connection.wal?.committed(1);
    if (this.#entries.length > 0) this.#scheduler.schedule(false);
  }

  #flush(): void {
    const [head, next] = this.#entries;
    if (head === undefined || this.#holder !== undefined) return;
    const pauseMs = this.connection.wal?.pauseMs ?? 0;
    if (pauseMs > 0) {
      this.#scheduler.scheduleIn(pauseMs);
      return;
    }
    if ('grant' in head) {
      this.#entries.shift();
      this.#holder = head.turn;
      if (next !== undefined) this.#idleWatch.waitFor(head.turn);
      head.grant();
      return;
    }
    try {
      this.#place?.assertInPlace();
    } catch (error) {
      this.#rejectUnits(error);
      return;
    }
    try {
      const isAlone = head.alone || next === undefined || 'grant' in next || next.alone;
      this.#lastBatch = isAlone ? this.#runAlone(head) : this.#runTogether();
      this.#lock.taken();
      this.connection.wal?.committed(this.#lastBatch);
      if (this.#entries.length > 0) this.#scheduler.schedule(this.#lastBatch > 1);
    } catch (error) {
      this.#wait(error);
    }
  }

  /** Runs the first unit by itself. Throws only when another process holds the lock. */
  #runAlone(unit: QueuedUnit): number {
    const { connection } = this;
    let needsUndo = false;
    try {
      // Before it is asked: a foreign trigger may be found.
      connection.schema?.lookSometimes();
      needsUndo = unit.work.needsUndo;
      if (needsUndo) connection.beginImmediate();
      const result = unit.work.run(connection);
      if (needsUndo) connection.commit();
      this.#entries.shift();
      unit.resolve(result);
    } catch (error) {
      connection.rollback();
      if (isBusy(error)) throw error;
      this.#entries.shift();
      unit.reject(needsUndo ? error : connection.afterFailedCommit(error));
    }
    return 1;
  }

  /** Runs as many units as fit in one transaction, and gives how many are settled. */
  #runTogether(): number {
    const connection = this.connection;
    const careful = this.#carefulBatches > 0;
    const results: unknown[] = [];
    const failures = new Map<number, unknown>();
    const start = performance.now();
    try {
      connection.beginImmediate();
      for (const entry of this.#entries) {
        if ('grant' in entry || entry.alone || results.length === UNITS_PER_BATCH) break;
        try {
          const { work } = entry;
          results.push(careful ? runInSavepoint(work, connection) : work.run(connection));
        } catch (error) {
          if (isBusy(error)) throw error;
          failures.set(results.length, error);
          results.push(undefined);
          if (!connection.inTransaction) return this.#replayAlone(results.length);
          if (!careful && entry.work.changedSomething) return this.#replayCarefully();
        }
        if (performance.now() - start > BATCH_BUDGET_MS) break;
      }
      connection.commit();
    } catch (error) {
      connection.rollback();
      if (isBusy(error)) throw error;
      // Run again, one of them might fail of something else, and say that it is not stored.
      if (error instanceof CommitUnknown) {
        for (const i of results.keys()) if (!failures.has(i)) failures.set(i, error);
        this.#settle(results, failures);
        return results.length;
      }
      // At least the first: when the transaction can't begin, it learns why.
      return this.#replayAlone(Math.max(1, results.length));
    }
    if (careful) this.#carefulBatches -= 1;
    this.#settle(results, failures);
    return results.length;
  }

  #settle(results: readonly unknown[], failures: ReadonlyMap<number, unknown>): void {
    const settled = this.#entries.splice(0, results.length);
    for (let i = 0; i < settled.length; i++) {
      const entry = settled[i];
      if (entry === undefined || 'grant' in entry) continue;
      if (failures.has(i)) entry.reject(failures.get(i));
      else entry.resolve(results[i]);
    }
  }

  /** Rejects all that waits but turns: who gets one finds out alone. */
  #rejectUnits(error: unknown): void {
    for (const entry of this.#entries.splice(0)) {
      if ('grant' in entry) this.#entries.push(entry);
      else entry.reject(error);
    }
    if (this.#entries.length > 0) this.#scheduler.schedule(false);
  }

  /** Leaves the first units in the queue, to run again each in its own transaction. */
  #replayAlone(count: number): number {
    for (const entry of this.#entries.slice(0, count)) {
      if (!('grant' in entry)) entry.alone = true;
    }
    return 0;
  }

  /** Leaves the units in the queue, to run again each in its own savepoint. */
  #replayCarefully(): number {
    this.connection.rollback();
    this.#carefulBatches = CAREFUL_BATCHES;
    return 0;
  }

  /** Tries again after a pause; units that waited too long reject. */
  #wait(busy: unknown): void {
    const pause = this.#lock.refused();
    const waiting = this.#entries.splice(0);
    for (const entry of waiting) {
      if (!('grant' in entry)) {
        const waitedMs = this.#lock.waitedMs(entry.heldMs);
        if (waitedMs >= this.#busyTimeoutMs) {
          entry.reject(new WaitedTooLong(waitedMs, busy));
          continue;
        }
      }
      this.#entries.push(entry);
    }
    if (this.#entries.length > 0) this.#scheduler.scheduleIn(pause);
  }
}
