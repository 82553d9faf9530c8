import type { SqliteConnection } from './connection.js';
import { isBusy } from './sqlite-errors.js';
import { runInSavepoint, type Work } from './unit.js';

/**
 * Units that share a savepoint. A savepoint copies every page before its first change: of its own
 * for each unit it costs more than half a tick, shared by 8 a fifteenth; and a failing unit makes
 * at most 7 others run again.
 */
const UNITS_A_GROUP = 8;

/** How one unit of a batch ended. */
export type Outcome =
  | { readonly failed: false; readonly result: unknown }
  | { readonly failed: true; readonly error: unknown };

/**
 * Units inside one open transaction, each whole or absent. Most failures happen before the unit
 * has changed anything (an unknown id, a key that stands already) and need no undoing. For the
 * others a few units share a savepoint: it is rolled back, and the group's units run again in
 * savepoints of their own. Nothing is acknowledged before COMMIT, so running twice is no harm.
 */
export class Batch {
  readonly outcomes: Outcome[] = [];
  readonly #connection: SqliteConnection;
  #group: Work<unknown>[] = [];
  #inSavepoint = false;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  get size(): number {
    return this.outcomes.length;
  }

  /** Runs one unit. Throws when busy; ends early when SQLite ends the transaction. */
  run(work: Work<unknown>): void {
    if (work.several && !this.#inSavepoint) {
      this.#connection.savepoint();
      this.#inSavepoint = true;
    }
    if (this.#inSavepoint) this.#group.push(work);
    try {
      this.outcomes.push({ failed: false, result: work.run(this.#connection) });
    } catch (error) {
      this.#fail(error, work);
    }
    if (this.#group.length >= UNITS_A_GROUP) this.finish();
  }

  /** Keeps what the current group did. */
  finish(): void {
    if (this.#inSavepoint && this.#connection.inTransaction) this.#connection.release();
    this.#inSavepoint = false;
    this.#group = [];
  }

  #fail(error: unknown, work: Work<unknown>): void {
    if (isBusy(error)) throw error;
    this.outcomes.push({ failed: true, error });
    if (work.changedSomething && this.#connection.inTransaction) this.#runGroupAgain();
  }

  /** Undoes the group and runs each of its units by itself. */
  #runGroupAgain(): void {
    this.#connection.undoSavepoint();
    this.#inSavepoint = false;
    const group = this.#group;
    this.#group = [];
    this.outcomes.length -= group.length;
    for (const work of group) {
      try {
        this.outcomes.push({
          failed: false,
          result: runInSavepoint(work, this.#connection),
        });
      } catch (error) {
        if (isBusy(error)) throw error;
        this.outcomes.push({ failed: true, error });
        // The caller sees that the transaction is gone; what follows would commit by itself.
        if (!this.#connection.inTransaction) return;
      }
    }
  }
}
