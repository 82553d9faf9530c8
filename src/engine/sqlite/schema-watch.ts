import type Database from 'better-sqlite3';
import type { SchemaKeeper, SchemaState } from './schema-state.js';

/** How long writes without a transaction rely on one look, in ms: the pragma alone costs a tenth of one. */
const LOOK_EVERY_MS = 1000;

/** A verified state, and the one who verifies the next. */
export interface WatchProps {
  readonly keeper: SchemaKeeper;
  readonly state: SchemaState;
}

/**
 * Keeps the {@link SchemaState} of one connection up to date. Other programs change the schema while
 * the file is open; comparing one integer shows that they did.
 */
export class SchemaWatch {
  readonly #db: Database.Database;
  readonly #keeper: SchemaKeeper;
  readonly #version: Database.Statement<[], number>;
  #state: SchemaState | undefined;
  /** The state was verified in a transaction that is still open: a rollback takes it along. */
  #isUncommitted = false;
  #lookedAt = 0;

  constructor(db: Database.Database, { keeper, state }: WatchProps) {
    this.#db = db;
    this.#keeper = keeper;
    this.#version = db.prepare<[], number>('pragma schema_version').pluck();
    this.#state = state;
    if (!state.totalsKept) keeper.countFromRows(db, true);
  }

  /** What the latest look found; `undefined` where it was undone. */
  get state(): SchemaState | undefined {
    return this.#state;
  }

  /**
   * The state that the connection sees now; the same object while the schema stays. Throws
   * `SCHEMA_MISMATCH` when a newer pylon-db migrated the file.
   */
  current(): SchemaState {
    const known = this.#state;
    if (known?.version !== this.#version.get() || known === undefined) return this.#verify();
    if (!known.totalsKept) this.#keeper.repair();
    return known;
  }

  /** A look before a write that commits by itself; most rely on an earlier one. */
  lookSometimes(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#lookedAt = now;
    this.current();
  }

  /** Lets the next write look that commits by itself: ad-hoc SQL may have changed the schema. */
  lookNext(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** Throws `NOT_SUPPORTED` when the published schema was broken since `before` was found. */
  assertPublished(before: SchemaState | undefined): void {
    if (this.current().version !== before?.version) this.#keeper.assertPublished(this.#db);
  }

  /** The transaction was committed, and what was seen in it stands. */
  committed(): void {
    this.#isUncommitted = false;
  }

  /** The transaction or savepoint is undone: what was seen in it may never have been. */
  undone(): void {
    if (!this.#isUncommitted) return;
    this.#isUncommitted = false;
    // Another program's next change may get the number of the one that was undone.
    this.#state = undefined;
  }

  #verify(): SchemaState {
    const state = this.#keeper.verify(this.#db);
    this.#isUncommitted = this.#db.inTransaction;
    this.#keeper.countFromRows(this.#db, !state.totalsKept);
    this.#state = state;
    return state;
  }
}
