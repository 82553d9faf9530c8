import type { Kysely } from 'kysely';
import type { SqliteConnection } from '../engine/sqlite/connection.js';
import type { RawRunner } from '../engine/sqlite/kysely-connection.js';
import { kyselyProps, OpenTransaction } from '../engine/sqlite/kysely-handles.js';
import { SqliteTransaction } from '../engine/sqlite/transaction.js';

/** One open migration transaction: what the migration runs is noted, statement by statement. */
export class MigrationStep {
  /** What the migration gets. After the step ended it refuses queries. */
  readonly kysely: Kysely<unknown>;
  /** The same transaction for the ledger's own queries, which no plan shows. */
  readonly unrecorded: OpenTransaction<unknown>;
  readonly statements: string[] = [];
  readonly #transaction: SqliteTransaction;
  #failedStatement: string | undefined;

  /** `connection` stands in a transaction. */
  constructor(connection: SqliteConnection, path: string) {
    const transaction = new SqliteTransaction(connection, path);
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
    this.#transaction = transaction;
    this.kysely = new OpenTransaction<unknown>(kyselyProps(recorded));
    this.unrecorded = new OpenTransaction<unknown>(kyselyProps(transaction));
  }

  /** The statement that SQLite refused last, if any. */
  get failedStatement(): string | undefined {
    return this.#failedStatement;
  }

  commit(): void {
    this.#transaction.commit();
  }

  /** Rolls back what was not committed. */
  end(how: string): void {
    this.#transaction.end(how);
  }
}
