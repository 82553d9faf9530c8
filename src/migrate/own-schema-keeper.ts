import type Database from 'better-sqlite3';
import type { SchemaKeeper, SchemaState } from '../engine/sqlite/schema-state.js';
import { isPylonDbError, type PylonDbError } from '../errors.js';
import { readFileFacts } from './file-facts.js';
import { findOwnObjects, type OwnObjectsFound, repairOwnObjects } from './own-objects.js';
import { publishedBroken, publishedProblems } from './published-check.js';
import { countFromRows } from './rollup-views.js';

/** How long a repair that failed isn't tried again, in ms: what keeps it may last. */
const PAUSE_AFTER_FAILURE_MS = 10_000;

/** How a keeper has objects repaired. */
export interface KeeperProps {
  /** The names of the migrations that this pylon-db knows. */
  readonly known: readonly string[];
  /**
   * Repairs the file elsewhere, so that this process goes on meanwhile; `here` for a database in
   * memory, which is nowhere else; missing where nothing may be repaired.
   */
  readonly repair?: ((signal: AbortSignal) => Promise<void>) | 'here';
}

/** Knows the objects of our migrations, for an engine that has the file open. */
export class OwnSchemaKeeper implements SchemaKeeper {
  readonly #props: KeeperProps;
  #mismatch: PylonDbError | undefined;
  readonly #stopped = new AbortController();
  #isRepairing = false;
  #notBefore = 0;
  #hasWarned = false;

  constructor(props: KeeperProps) {
    this.#props = props;
  }

  get mismatch(): PylonDbError | undefined {
    return this.#mismatch;
  }

  verify(db: Database.Database): SchemaState {
    const { repair } = this.#props;
    const found = this.#find(db);
    if (found.broken.length === 0) return found;
    if (repair !== 'here') {
      this.repair();
      return found;
    }
    db.transaction(() => repairOwnObjects(db, found.broken))();
    return this.#find(db);
  }

  assertPublished(db: Database.Database): void {
    const problems = publishedProblems(readFileFacts(db), 'sqlite');
    if (problems.length > 0) throw publishedBroken(problems);
  }

  countFromRows(db: Database.Database, counts: boolean): void {
    countFromRows(db, counts);
  }

  repair(): void {
    const { repair } = this.#props;
    if (typeof repair !== 'function' || this.#isRepairing || this.#stopped.signal.aborted) return;
    if (performance.now() < this.#notBefore) return;
    this.#isRepairing = true;
    repair(this.#stopped.signal)
      .catch((error: unknown) => {
        this.#notBefore = performance.now() + PAUSE_AFTER_FAILURE_MS;
        this.#warn(error);
      })
      .finally(() => {
        this.#isRepairing = false;
      });
  }

  stop(): void {
    this.#stopped.abort();
  }

  #find(db: Database.Database): OwnObjectsFound {
    try {
      return findOwnObjects(db, this.#props.known);
    } catch (error) {
      if (isPylonDbError(error, 'SCHEMA_MISMATCH')) this.#mismatch = error;
      throw error;
    }
  }

  #warn(error: unknown): void {
    if (this.#hasWarned || this.#stopped.signal.aborted) return;
    this.#hasWarned = true;
    process.emitWarning(
      `another program removed objects of pylon-db, which couldn't be made again (${String(error)}). Totals are counted from the rows until \`pylon-db check --repair\`.`,
      'PylonDbWarning',
    );
  }
}
