import { setTimeout } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import type { UmzugStorage } from 'umzug';
import { EventLoopTurn } from '../engine/event-loop-turn.js';
import { retryWhileBusy } from '../engine/sqlite/busy.js';
import { SqliteConnection } from '../engine/sqlite/connection.js';
import { compilingKysely, sqliteDialect } from '../engine/sqlite/kysely-dialect.js';
import { isMisfit, toPylonDbError } from '../engine/sqlite/sqlite-errors.js';
import { SqliteTransaction } from '../engine/sqlite/transaction.js';
import type { Border } from './border.js';
import { readFileFacts } from './file-facts.js';
import { ledgerStorage } from './ledger.js';
import type { MigrationList } from './migration.js';
import { MigrationRunner, type TransactionKind } from './migration-runner.js';
import { MigrationStep } from './migration-step.js';
import { findOwnObjects, repairOwnObjects } from './own-objects.js';
import { hasLedgerColumns, publishedProblems, type SchemaProblem } from './published-check.js';
import { type LedgerState, readLedger } from './schema-check.js';
import { StepRefused } from './watched-runner.js';

/**
 * How long a half-made file stands still before it is completed, in ms. The original's first open
 * makes one table after another and would fail on one that it finds: a pause of it is far shorter.
 */
const STILL_MS = 500;

/** Where and how migrations run. */
export interface MigratorProps {
  /** A connection that nothing else uses meanwhile. */
  readonly db: Database.Database;
  readonly path: string;
  readonly list: MigrationList;
  readonly busyTimeoutMs: number;
  readonly operation?: string | undefined;
}

/** Migrations of an SQLite file, each in one `BEGIN IMMEDIATE … COMMIT` of one connection. */
export class Migrator extends MigrationRunner {
  readonly #props: MigratorProps;
  readonly #connection: SqliteConnection;
  #hasWaited = false;

  constructor(props: MigratorProps) {
    super(props.list, props.operation ?? '', 'sqlite');
    this.#props = props;
    this.#connection = new SqliteConnection(props.db, compilingKysely(), undefined);
  }

  protected override async ledger(): Promise<LedgerState> {
    const { db, list, operation, path, busyTimeoutMs } = this.#props;
    const read = () => retryWhileBusy(() => readLedger(db, list, operation), busyTimeoutMs);
    try {
      const state = await read();
      if (!state.isHalfMade || this.#hasWaited) return state;
      this.#hasWaited = true;
      await this.#whileItIsMade();
      return await read();
    } catch (error) {
      throw toPylonDbError(error, path, operation);
    }
  }

  protected override async isHalfMade(): Promise<boolean> {
    const { db, list, operation } = this.#props;
    return readLedger(db, list, operation).isHalfMade;
  }

  /** Waits until nobody has made a table for a while, up to `busyTimeoutMs`. */
  async #whileItIsMade(): Promise<void> {
    const { db, busyTimeoutMs } = this.#props;
    const version = () =>
      retryWhileBusy(() => db.pragma('schema_version', { simple: true }), busyTimeoutMs);
    const end = performance.now() + busyTimeoutMs;
    let seen: unknown;
    for (let now = await version(); now !== seen && performance.now() < end; ) {
      seen = now;
      await setTimeout(STILL_MS);
      now = await version();
    }
  }

  protected override storage(step: MigrationStep): UmzugStorage {
    return ledgerStorage(step.unrecorded);
  }

  protected override async border(): Promise<Border> {
    const { db } = this.#props;
    const live = readFileFacts(db);
    return {
      problems: [...publishedProblems(live, 'sqlite'), ...temporaryObjects(db)],
      ledger: hasLedgerColumns(live) ? ledgerTexts(db) : new Map(),
    };
  }

  protected override async transact<Result>(
    { rebuildsTables, keep }: TransactionKind,
    run: (step: MigrationStep) => Promise<Result>,
  ): Promise<Result> {
    return await this.#locked(rebuildsTables, async () => {
      const transaction = new SqliteTransaction(this.#connection, this.#props.path, {
        loop: new EventLoopTurn(),
        calls: 0,
      });
      try {
        const before = rebuildsTables ? this.#foreignKeyViolations() : [];
        const result = await run(new MigrationStep(sqliteDialect, transaction));
        const after = rebuildsTables ? this.#foreignKeyViolations() : [];
        // Violations that were there before are their owner's; a migration only adds none.
        if (after.some((violation) => !before.includes(violation))) {
          throw new StepRefused('it leaves rows whose parents are missing');
        }
        if (keep) {
          this.#keepOwnObjects();
          transaction.commit();
        }
        return result;
      } finally {
        transaction.end(keep ? 'was rolled back' : 'was only planned');
      }
    });
  }

  /** A rebuilt or dropped table took our triggers and indexes along: they are made again with it. */
  #keepOwnObjects(): void {
    const { db, list, operation } = this.#props;
    const { broken } = findOwnObjects(db, Object.keys(list), operation);
    try {
      repairOwnObjects(db, broken);
    } catch (error) {
      if (!isMisfit(error)) throw error;
      const names = broken.map(({ name }) => name).join(', ');
      throw new StepRefused(`${names} can't be made again after it: ${error.message}`);
    }
  }

  async #locked<Result>(foreignKeysOff: boolean, run: () => Promise<Result>): Promise<Result> {
    const { db, busyTimeoutMs, operation, path } = this.#props;
    const foreignKeys = db.pragma('foreign_keys', { simple: true });
    if (foreignKeysOff) db.pragma('foreign_keys = 0');
    try {
      await retryWhileBusy(() => this.#connection.beginImmediate(), busyTimeoutMs);
      return await run();
    } catch (error) {
      throw toPylonDbError(error, path, operation);
    } finally {
      if (foreignKeysOff) db.pragma(`foreign_keys = ${String(foreignKeys)}`);
    }
  }

  /** Each row whose parent is missing, as text to compare. */
  #foreignKeyViolations(): string[] {
    const violations: unknown = this.#props.db.pragma('foreign_key_check');
    return Array.isArray(violations) ? violations.map((row) => JSON.stringify(row)) : [];
  }
}

/** They would stand in for what has their names, on this connection and until it closes. */
function temporaryObjects(db: Database.Database): SchemaProblem[] {
  const names = db.prepare<[], string>('select name from sqlite_temp_master order by name').pluck();
  return names.all().map((name) => ({ table: name, problem: `temporary ${name} is left behind` }));
}

/** Other programs' rows may hold anything. */
function ledgerTexts(db: Database.Database): Map<string, string> {
  const rows = db.prepare<[], { name: string; row: string }>(
    `select quote(name) as name, id || ' ' || quote(applied_at) as row from migrations`,
  );
  return new Map(rows.all().map(({ name, row }) => [name.replace(/^'(.*)'$/s, '$1'), row]));
}
