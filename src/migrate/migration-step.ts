import {
  CreateIndexNode,
  CreateTableNode,
  type Dialect,
  type Kysely,
  type KyselyPlugin,
} from 'kysely';
import type { RawResult, RawRunner } from '../engine/kysely-connection.js';
import { kyselyProps, OpenTransaction } from '../engine/kysely-handles.js';
import { WatchedRunner } from './watched-runner.js';

/** The SQL that one pending migration runs. */
export interface PlannedMigration {
  readonly name: string;
  readonly statements: readonly string[];
}

/** One open migration transaction: what migrations run is noted, statement by statement. */
export class MigrationStep {
  /** The transaction for the ledger's own queries, which no plan shows. */
  readonly unrecorded: OpenTransaction<unknown>;
  /** The same for questions that no builder has words for. */
  readonly asked: { raw(sql: string, parameters: readonly unknown[]): Promise<RawResult> };
  readonly statements: string[] = [];
  readonly #dialect: Dialect;
  readonly #transaction: RawRunner;
  #failedStatement: string | undefined;

  constructor(dialect: Dialect, transaction: RawRunner) {
    this.#dialect = dialect;
    this.#transaction = transaction;
    this.asked = { raw: (sql, parameters) => transaction.raw(sql, parameters, 'RawNode') };
    this.unrecorded = new OpenTransaction<unknown>(kyselyProps(dialect, transaction));
  }

  /**
   * Runs the migration `name` with a query builder, which refuses queries when it returns. Throws
   * `StepRefused` when statements of it are still in flight then, or failed without being awaited.
   */
  async run(
    name: string,
    plugins: readonly KyselyPlugin[],
    migrate: (context: Kysely<unknown>) => Promise<unknown>,
  ): Promise<void> {
    const runner = new WatchedRunner(this.#transaction, name, (sql) => this.statements.push(sql));
    const context = new OpenTransaction<unknown>(kyselyProps(this.#dialect, runner));
    try {
      await runner.watch(() =>
        migrate(plugins.reduce((db, plugin) => db.withPlugin(plugin), context)),
      );
    } finally {
      this.#failedStatement = runner.failedStatement;
    }
  }

  /** The statement that the database refused last, if any. */
  get failedStatement(): string | undefined {
    return this.#failedStatement;
  }
}

/** Makes a migration create only those tables and indexes that aren't there. */
export const onlyMissing: KyselyPlugin = {
  transformQuery({ node }) {
    if (CreateTableNode.is(node)) return CreateTableNode.cloneWith(node, { ifNotExists: true });
    if (CreateIndexNode.is(node)) return CreateIndexNode.cloneWith(node, { ifNotExists: true });
    return node;
  },
  async transformResult({ result }) {
    return result;
  },
};
