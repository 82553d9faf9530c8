import type Database from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { Umzug } from 'umzug';
import { retryWhileBusy } from '../engine/sqlite/busy.js';
import { compilingKysely, SqliteConnection } from '../engine/sqlite/connection.js';
import { toldToCaller } from '../engine/sqlite/sqlite-errors.js';
import { PylonDbError } from '../errors.js';
import { ledgerStorage } from './ledger.js';
import type { Migration, MigrationList } from './migration.js';
import { MigrationStep } from './migration-step.js';
import { type LedgerState, readLedger } from './schema-check.js';

/** Where and how migrations run. */
export interface MigratorProps {
  /** A connection that nothing else uses meanwhile. */
  readonly db: Database.Database;
  readonly path: string;
  readonly list: MigrationList;
  readonly busyTimeoutMs: number;
  readonly operation: string;
}

/** The SQL that one pending migration runs. */
export interface PlannedMigration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** Umzug over one connection: each step and its ledger row in one `BEGIN IMMEDIATE … COMMIT`. */
export class Migrator {
  readonly #props: MigratorProps;
  readonly #connection: SqliteConnection;

  constructor(props: MigratorProps) {
    this.#props = props;
    this.#connection = new SqliteConnection(props.db, compilingKysely(), undefined);
  }

  /** Names of the list that are not in the ledger, in the list's order. */
  async pending(): Promise<readonly string[]> {
    return (await this.#ledger()).pending;
  }

  /**
   * Applies what is pending, up to and with `to`, and gives the names that this call applied.
   * A process that waited for another finds its work done. Throws `MIGRATION_FAILED`: that
   * migration left nothing behind, those before it stay.
   */
  async up(to?: string): Promise<string[]> {
    if (to !== undefined) this.#assertKnown(to);
    const applied: string[] = [];
    for (;;) {
      const [name] = await this.pending();
      if (name === undefined || (to !== undefined && isAfter(this.#props.list, name, to))) {
        return applied;
      }
      const done = await this.#step(name, (umzug) =>
        umzug.up({ migrations: [name], rerun: 'SKIP' }),
      );
      if (done) applied.push(name);
    }
  }

  /** Reverts the newest applied migrations of the list, `steps` of them, and gives their names. */
  async down(steps: number): Promise<string[]> {
    const { list, operation } = this.#props;
    const { applied } = await this.#ledger();
    const newest = applied
      .filter((name) => Object.hasOwn(list, name))
      .reverse()
      .slice(0, steps);
    for (const name of newest) {
      const migration = await this.#load(name);
      // Umzug would take the row out of the ledger and leave the schema.
      if (migration.down === undefined) {
        throw new PylonDbError(
          'NOT_SUPPORTED',
          `migration ${name} has no down()`,
          {},
          { operation, hint: 'Restore a backup from before it, or write its down().' },
        );
      }
    }
    for (const name of newest) {
      await this.#step(name, (umzug) => umzug.down({ migrations: [name], rerun: 'SKIP' }));
    }
    return newest;
  }

  /** Runs what is pending, notes its SQL, and rolls all of it back. */
  async plan(): Promise<PlannedMigration[]> {
    const names = await this.pending();
    const migrations = await Promise.all(names.map((name) => this.#load(name)));
    const rebuilds = migrations.some((migration) => migration.rebuildsTables === true);
    return await this.#locked(rebuilds, async () => {
      const step = new MigrationStep(this.#connection, this.#props.path);
      const planned: PlannedMigration[] = [];
      try {
        for (const name of names) {
          const before = step.statements.length;
          await this.#run(step, name, (umzug) => umzug.up({ migrations: [name], rerun: 'SKIP' }));
          planned.push({ name, statements: step.statements.slice(before) });
        }
        return planned;
      } finally {
        step.end('was only planned');
      }
    });
  }

  async #ledger(): Promise<LedgerState> {
    const { db, list, operation, path, busyTimeoutMs } = this.#props;
    try {
      return await retryWhileBusy(() => readLedger(db, list, operation), busyTimeoutMs);
    } catch (error) {
      throw toldToCaller(error, operation, path);
    }
  }

  /** One migration in one transaction; false when another process had done it. */
  async #step(name: string, act: UmzugAction): Promise<boolean> {
    const { rebuildsTables = false } = await this.#load(name);
    return await this.#locked(rebuildsTables, async () => {
      const step = new MigrationStep(this.#connection, this.#props.path);
      try {
        const before = rebuildsTables ? this.#foreignKeyViolations() : [];
        const done = await this.#run(step, name, act);
        const after = rebuildsTables ? this.#foreignKeyViolations() : [];
        // Violations that were there before are their owner's; a migration only adds none.
        if (after.some((violation) => !before.includes(violation))) {
          throw this.#failed(name, step, new Error('it leaves rows whose parents are missing'));
        }
        step.commit();
        return done;
      } finally {
        step.end('was rolled back');
      }
    });
  }

  async #run(step: MigrationStep, name: string, act: UmzugAction): Promise<boolean> {
    const umzug = new Umzug({
      migrations: Object.keys(this.#props.list).map((known) => ({
        name: known,
        up: async () => (await this.#load(known)).up({ name: known, context: step.kysely }),
        down: async () => (await this.#load(known)).down?.({ name: known, context: step.kysely }),
      })),
      context: step.kysely,
      storage: ledgerStorage(step.unrecorded),
      logger: undefined,
    });
    try {
      return (await act(umzug)).length > 0;
    } catch (error) {
      throw this.#failed(name, step, error);
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
      throw toldToCaller(error, operation, path);
    } finally {
      if (foreignKeysOff) db.pragma(`foreign_keys = ${String(foreignKeys)}`);
    }
  }

  /** Each row whose parent is missing, as text to compare. */
  #foreignKeyViolations(): string[] {
    const violations: unknown = this.#props.db.pragma('foreign_key_check');
    return Array.isArray(violations) ? violations.map((row) => JSON.stringify(row)) : [];
  }

  async #load(name: string): Promise<Migration> {
    const load = this.#props.list[name];
    if (load === undefined) throw new Error(`No migration ${name}`);
    try {
      return await load();
    } catch (error) {
      throw this.#failed(name, undefined, error);
    }
  }

  #assertKnown(name: string): void {
    if (Object.hasOwn(this.#props.list, name)) return;
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `there is no migration of the name given`,
      { field: 'to' },
      { operation: this.#props.operation, hint: 'See `pylon-db migrate status` for the names.' },
    );
  }

  #failed(name: string, step: MigrationStep | undefined, error: unknown): PylonDbError {
    // Umzug wraps what a migration threw; the caller wants that.
    const cause = error instanceof Error && error.name === 'MigrationError' ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    const statement = step?.failedStatement;
    return new PylonDbError(
      'MIGRATION_FAILED',
      `migration ${name} failed${statement === undefined ? '' : ` at «${statement}»`}: ${why}`,
      statement === undefined ? { migration: name } : { migration: name, statement },
      {
        operation: this.#props.operation,
        cause,
        hint: 'It left schema and rows as they were. Mend it and run it again.',
      },
    );
  }
}

type UmzugAction = (umzug: Umzug<Kysely<unknown>>) => Promise<readonly unknown[]>;

function isAfter(list: MigrationList, name: string, to: string): boolean {
  const names = Object.keys(list);
  return names.indexOf(name) > names.indexOf(to);
}
