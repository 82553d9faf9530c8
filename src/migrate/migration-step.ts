import type { Dialect, Kysely } from 'kysely';
import type { RawRunner } from '../engine/kysely-connection.js';
import { kyselyProps, OpenTransaction } from '../engine/kysely-handles.js';

/** One open migration transaction: what the migration runs is noted, statement by statement. */
export class MigrationStep {
  /** What the migration gets. After the transaction ended it refuses queries. */
  readonly kysely: Kysely<unknown>;
  /** The same transaction for the ledger's own queries, which no plan shows. */
  readonly unrecorded: OpenTransaction<unknown>;
  readonly statements: string[] = [];
  #failedStatement: string | undefined;

  constructor(dialect: Dialect, transaction: RawRunner) {
    const recorded: RawRunner = {
      raw: async (sql, parameters, nodeKind) => {
        this.statements.push(sql);
        try {
          return await transaction.raw(sql, parameters, nodeKind);
        } catch (error) {
          this.#failedStatement = sql;
          throw error;
        }
      },
    };
    this.kysely = new OpenTransaction<unknown>(kyselyProps(dialect, recorded));
    this.unrecorded = new OpenTransaction<unknown>(kyselyProps(dialect, transaction));
  }

  /** The statement that the database refused last, if any. */
  get failedStatement(): string | undefined {
    return this.#failedStatement;
  }
}
