import type { KyselyPlugin } from 'kysely';
import { Umzug, type UmzugStorage } from 'umzug';
import { isPylonDbError, PylonDbError } from '../errors.js';
import { assertBorderKept, type Border } from './border.js';
import type { Migration, MigrationList, MigrationParams } from './migration.js';
import { INITIAL_MIGRATION, likelyOldName, newestKnown } from './migration-names.js';
import { type MigrationStep, onlyMissing, type PlannedMigration } from './migration-step.js';
import type { LedgerState } from './schema-check.js';
import { StepRefused } from './watched-runner.js';

/** Which way a migration runs. */
export type Direction = 'up' | 'down';

/** How a step's transaction is made, and whether it stays. */
export interface TransactionKind {
  readonly rebuildsTables: boolean;
  /** False rolls back what was done. */
  readonly keep: boolean;
}

/** Umzug, each step and its ledger row in one transaction; how that is made, each engine knows. */
export abstract class MigrationRunner {
  readonly #list: MigrationList;
  readonly #operation: string;
  readonly #engine: MigrationParams['engine'];
  /** The ledger's names when it was last looked at. */
  #applied: readonly string[] = [];

  constructor(list: MigrationList, operation: string, engine: MigrationParams['engine']) {
    this.#list = list;
    this.#operation = operation;
    this.#engine = engine;
  }

  /** What is applied and what is pending. Throws `SCHEMA_MISMATCH`. */
  protected abstract ledger(): Promise<LedgerState>;
  /** Runs `run` in a transaction in which no other process runs the same migration. */
  protected abstract transact<Result>(
    kind: TransactionKind,
    run: (step: MigrationStep) => Promise<Result>,
  ): Promise<Result>;
  /** The ledger as Umzug reads and writes it in a step that runs `name`. */
  protected abstract storage(step: MigrationStep, name: string, direction: Direction): UmzugStorage;
  /** Whether the first migration finds published tables there. Throws `SCHEMA_MISMATCH`. */
  protected abstract isHalfMade(step: MigrationStep): Promise<boolean>;
  /** What a migration must leave as it is; after it ran, `before` is what the first look gave. */
  protected abstract border(step: MigrationStep, before?: Border): Promise<Border>;

  /** Names of the list that are not in the ledger, in the list's order. */
  async pending(): Promise<readonly string[]> {
    const { applied, pending } = await this.ledger();
    this.#applied = applied;
    return pending;
  }

  /**
   * Applies what is pending, up to and with `to`, and gives the names that this call applied.
   * A process that waited for another finds its work done. Throws `MIGRATION_FAILED`: that
   * migration left nothing behind, those before it stay.
   */
  async up(to?: string): Promise<string[]> {
    if (to !== undefined) this.#assertKnown(to, 'to');
    const applied: string[] = [];
    let doneByAnother: string | undefined;
    for (;;) {
      const [name] = await this.pending();
      if (name === undefined || (to !== undefined && isAfter(this.#list, name, to))) {
        return applied;
      }
      if (name === doneByAnother) throw this.#failed(name, undefined, rowLost());
      if (await this.#step(name, 'up')) applied.push(name);
      else doneByAnother = name;
    }
  }

  /**
   * Reverts the newest applied migrations, `which` of them, and gives their names. Throws
   * `INVALID_ARGUMENT` when the list lacks one that is newer than those: a name reverts that one
   * alone, whatever came after it.
   */
  async down(which: number | string): Promise<string[]> {
    if (typeof which === 'string') this.#assertKnown(which, 'name');
    const { applied } = await this.ledger();
    if (typeof which === 'number') {
      return await this.#revert(newestKnown(applied, this.#list, which, this.#operation, 'down'));
    }
    this.#assertApplied(which, applied);
    return await this.#revert([which]);
  }

  /** Reverts what is applied of the list after `name`, the last first, and gives their names. */
  async downTo(name: string): Promise<string[]> {
    const { applied } = await this.ledger();
    const after = Object.keys(this.#list).filter(
      (known) => isAfter(this.#list, known, name) && applied.includes(known),
    );
    return await this.#revert(after.reverse());
  }

  async #revert(names: string[]): Promise<string[]> {
    for (const name of names) await this.#assertReverts(name);
    for (const name of names) await this.#step(name, 'down');
    return names;
  }

  /**
   * Reverts the newest applied migration, or `name`, and applies it again, all in one transaction;
   * gives its name, or none where nothing is applied. For a migration that is still being written.
   */
  async redo(name?: string): Promise<string[]> {
    if (name !== undefined) this.#assertKnown(name, 'name');
    const { applied } = await this.ledger();
    const [redone = name] =
      name === undefined ? newestKnown(applied, this.#list, 1, this.#operation, 'redo') : [];
    if (redone === undefined) return [];
    this.#assertApplied(redone, applied);
    await this.#assertReverts(redone);
    await this.#commit(redone, async (step) => {
      await this.#run(step, redone, 'down');
      return await this.#run(step, redone, 'up');
    });
    return [redone];
  }

  async #assertReverts(name: string): Promise<void> {
    const migration = await this.#load(name);
    // Umzug would take the row out of the ledger and leave the schema.
    if (migration.down !== undefined) return;
    throw new PylonDbError(
      'NOT_SUPPORTED',
      `migration ${name} has no down()`,
      {},
      { operation: this.#operation, hint: 'Restore a backup from before it, or write its down().' },
    );
  }

  /** Runs what is pending, notes its SQL, and rolls all of it back. */
  async plan(): Promise<PlannedMigration[]> {
    const names = await this.pending();
    const migrations = await Promise.all(names.map((name) => this.#load(name)));
    const rebuildsTables = migrations.some((migration) => migration.rebuildsTables === true);
    return await this.transact({ rebuildsTables, keep: false }, async (step) => {
      const planned: PlannedMigration[] = [];
      for (const name of names) {
        const before = step.statements.length;
        await this.#run(step, name, 'up');
        planned.push({ name, statements: step.statements.slice(before) });
      }
      return planned;
    });
  }

  /** One migration in one transaction; false when another process had done it. */
  async #step(name: string, direction: Direction): Promise<boolean> {
    return await this.#commit(name, (step) => this.#run(step, name, direction));
  }

  async #commit<Result>(
    name: string,
    run: (step: MigrationStep) => Promise<Result>,
  ): Promise<Result> {
    const { rebuildsTables = false } = await this.#load(name);
    try {
      return await this.transact({ rebuildsTables, keep: true }, run);
    } catch (error) {
      throw error instanceof StepRefused ? this.#failed(name, undefined, error) : error;
    }
  }

  async #run(step: MigrationStep, name: string, direction: Direction): Promise<boolean> {
    const before = await this.border(step);
    const completes = name === INITIAL_MIGRATION && (await this.isHalfMade(step));
    const plugins = completes ? [onlyMissing] : [];
    const first = step.statements.length;
    const umzug = new Umzug<object>({
      migrations: Object.keys(this.#list).map((known) => ({
        name: known,
        up: async () => await this.#migrate(step, known, 'up', plugins),
        down: async () => await this.#migrate(step, known, 'down', plugins),
      })),
      storage: this.storage(step, name, direction),
      logger: undefined,
    });
    try {
      const done = await umzug[direction]({ migrations: [name], rerun: 'SKIP' });
      if (done.length === 0) return false;
      const after = await this.border(step, before);
      const statements = step.statements.slice(first);
      assertBorderKept({ name, direction, before, after, statements });
      return true;
    } catch (error) {
      throw this.#failed(name, step, error);
    }
  }

  async #migrate(
    step: MigrationStep,
    name: string,
    direction: Direction,
    plugins: readonly KyselyPlugin[],
  ): Promise<void> {
    const migration = await this.#load(name);
    const engine = this.#engine;
    await step.run(name, plugins, async (context) =>
      migration[direction]?.({ name, context, engine }),
    );
  }

  async #load(name: string): Promise<Migration> {
    const load = this.#list[name];
    if (load === undefined) throw new Error(`No migration ${name}`);
    try {
      const migration = await load();
      if (typeof migration.up === 'function') return migration;
      throw new StepRefused(
        'it exports no up()',
        'Export `async function up` by its name, not as the default, and import the file itself.',
      );
    } catch (error) {
      throw this.#failed(name, undefined, error);
    }
  }

  #advice(name: string): string {
    const old = likelyOldName(name, Object.keys(this.#list), this.#applied);
    if (this.#applied.includes(name) || old === undefined) return 'Repair it and run it again.';
    return `The ledger has ${old}, which the list lacks: if this is that one renamed, give it its old name again.`;
  }

  #assertKnown(name: string, field: 'to' | 'name'): void {
    if (Object.hasOwn(this.#list, name)) return;
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `the list has no migration ${JSON.stringify(name)}`,
      { field },
      {
        operation: this.#operation,
        hint: '`pylon-db migrate status` shows the names. One of your own needs its list: --migrations FILE.',
      },
    );
  }

  #assertApplied(name: string, applied: readonly string[]): void {
    if (applied.includes(name)) return;
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `migration ${name} is not applied`,
      { field: 'name' },
      { operation: this.#operation, hint: '`pylon-db migrate up` applies what is pending.' },
    );
  }

  #failed(name: string, step: MigrationStep | undefined, error: unknown): PylonDbError {
    // Umzug wraps what a migration threw; the caller wants that.
    const cause = error instanceof Error && error.name === 'MigrationError' ? error.cause : error;
    const why = reasonIn(cause);
    const refused = cause instanceof StepRefused ? cause : undefined;
    const statement = refused?.statement ?? step?.failedStatement;
    const where = `migration ${name} failed${statement === undefined ? '' : ` at «${statement}»`}`;
    if (isPylonDbError(cause, 'DISK_FULL')) {
      // Nothing is wrong with the migration, and it needs no repair.
      const { problem, hint } = cause;
      const context = { operation: this.#operation, cause: cause.cause, hint };
      return new PylonDbError('DISK_FULL', `${where}: ${problem}`, {}, context);
    }
    return new PylonDbError(
      'MIGRATION_FAILED',
      `${where}: ${why}`,
      statement === undefined ? { migration: name } : { migration: name, statement },
      {
        operation: this.#operation,
        cause,
        hint: refused?.hint ?? `It left schema and rows as they were. ${this.#advice(name)}`,
      },
    );
  }
}

/** Without the operation: whoever wrote a migration didn't call `tx.kysely`. */
function reasonIn(cause: unknown): string {
  if (isPylonDbError(cause)) return cause.problem;
  return cause instanceof Error ? cause.message : String(cause);
}

function rowLost(): StepRefused {
  return new StepRefused(
    'its row does not stay in the ledger',
    'Look at the triggers of the table migrations: one may keep rows out of it.',
  );
}

function isAfter(list: MigrationList, name: string, to: string): boolean {
  const names = Object.keys(list);
  return names.indexOf(name) > names.indexOf(to);
}
