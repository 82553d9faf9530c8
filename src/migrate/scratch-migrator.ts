import type { UmzugStorage } from 'umzug';
import type { RawRunner } from '../engine/kysely-connection.js';
import { postgresDialect } from '../engine/postgres/dialect.js';
import { refuseTransactionControl } from '../engine/raw-sql.js';
import type { Border } from './border.js';
import type { MigrationList } from './migration.js';
import { MigrationRunner, type TransactionKind } from './migration-runner.js';
import { MigrationStep } from './migration-step.js';
import type { LedgerState } from './schema-check.js';

/**
 * Runs migrations in a transaction that its caller has opened and will roll back, on an empty
 * schema: what they make can then be looked at. It keeps the ledger in memory.
 */
export class ScratchMigrator extends MigrationRunner {
  readonly #names: readonly string[];
  readonly #raw: RawRunner['raw'];
  readonly #applied: string[] = [];

  constructor(transaction: RawRunner, list: MigrationList, operation: string) {
    super(list, operation, 'postgres');
    this.#names = Object.keys(list);
    this.#raw = async (sql, parameters, nodeKind) => {
      refuseTransactionControl(sql);
      return await transaction.raw(sql, parameters, nodeKind);
    };
  }

  protected override async ledger(): Promise<LedgerState> {
    const pending = this.#names.filter((name) => !this.#applied.includes(name));
    return { applied: this.#applied, pending, isHalfMade: false };
  }

  protected override storage(): UmzugStorage {
    return {
      executed: async () => [...this.#applied],
      logMigration: async ({ name }) => {
        this.#applied.push(name);
      },
      unlogMigration: async () => {},
    };
  }

  protected override async isHalfMade(): Promise<boolean> {
    return false;
  }

  /** Nobody else uses the schema. */
  protected override async border(): Promise<Border> {
    const ledger = new Map(this.#applied.map((name) => [name, '']));
    return { problems: [], ledger };
  }

  protected override async transact<Result>(
    _: TransactionKind,
    run: (step: MigrationStep) => Promise<Result>,
  ): Promise<Result> {
    return await run(new MigrationStep(postgresDialect, { raw: this.#raw }));
  }
}
