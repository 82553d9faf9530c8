import Database from 'better-sqlite3';
import { compilingKysely } from '../../src/engine/sqlite/kysely-dialect.js';
import { isPylonDbError, type PylonDb } from '../../src/index.js';
import type {
  FuzzTables,
  Inner,
  Operation,
  Statement,
  TransactionOperation,
} from './operations.js';
import { asOutcome, decode, type Outcome, rowsAndChanges, Thrown, Undecodable } from './outcome.js';

const builder = compilingKysely().withTables<FuzzTables>();

/**
 * Performs each operation alone, in the plainest way: better-sqlite3 and SQLite's own transactions.
 * Only service calls go through a PylonDb, which nothing else uses meanwhile.
 */
export class OneAtATime {
  readonly #connection: Database.Database;
  readonly #db: PylonDb;

  constructor(connection: Database.Database, db: PylonDb) {
    this.#connection = connection;
    this.#db = db;
  }

  async perform(operation: Exclude<Operation, { kind: 'read' }>): Promise<Outcome> {
    if (operation.kind === 'service') return await asOutcome(operation.call(this.#db), describe);
    return await asOutcome(
      (async () =>
        operation.kind === 'transaction' ? this.#transaction(operation) : this.#alone(operation))(),
      describe,
    );
  }

  #alone(op: Inner): unknown {
    if (op.kind !== 'unit') return this.#run(op);
    return this.#within('begin immediate', 'commit', 'rollback', () => this.#run(op));
  }

  #transaction({ inner, throws }: TransactionOperation): Outcome[] {
    let abort: { readonly error: unknown } | undefined;
    return this.#within('begin immediate', 'commit', 'rollback', () => {
      const outcomes: Outcome[] = [];
      for (const { op, caught } of inner) {
        try {
          if (abort !== undefined) throw new AbortedBefore();
          outcomes.push({ resolved: this.#nested(op) });
        } catch (error) {
          if (!this.#connection.inTransaction) abort ??= { error };
          if (!caught) throw error;
          outcomes.push({ rejected: describe(error) });
        }
      }
      if (throws) throw new Thrown();
      if (abort !== undefined) throw abort.error;
      return outcomes;
    });
  }

  #nested(op: Inner): unknown {
    if (op.kind !== 'unit') return this.#run(op);
    return this.#within('savepoint s', 'release s', 'rollback to s; release s', () =>
      this.#run(op),
    );
  }

  #within<Result>(begin: string, end: string, undo: string, work: () => Result): Result {
    this.#connection.exec(begin);
    try {
      const result = work();
      this.#connection.exec(end);
      return result;
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec(undo);
      throw error;
    }
  }

  #run(op: Inner): unknown {
    switch (op.kind) {
      case 'unit':
        return op.statements.map((statement) => this.#step(statement));
      case 'builder': {
        const { sql, parameters } = op.query(builder).compile();
        return this.#query(sql, parameters);
      }
      case 'raw':
        return this.#query(op.sql, op.values);
    }
  }

  #step({ sql, values, required }: Statement): unknown {
    const statement = this.#connection.prepare(sql);
    const rows = statement.reader ? statement.raw().all(...values) : [];
    const affectedRows = statement.reader ? rows.length : statement.run(...values).changes;
    if (required && affectedRows === 0) throw new NothingTouched();
    return { rows: rows.map((row) => decode(asArray(row))), affectedRows };
  }

  #query(sql: string, values: readonly unknown[]): unknown {
    const statement = this.#connection.prepare(sql);
    if (!statement.reader) {
      return rowsAndChanges({
        rows: [],
        numAffectedRows: BigInt(statement.run(...values).changes),
      });
    }
    const rows = statement.all(...values);
    return rowsAndChanges({ rows, numAffectedRows: BigInt(statement.readonly ? 0 : rows.length) });
  }
}

const asArray = (row: unknown): readonly unknown[] => (Array.isArray(row) ? row : []);

class AbortedBefore extends Error {}
class NothingTouched extends Error {}

function describe(error: unknown): string {
  if (error instanceof Thrown) return 'thrown by the callback';
  if (error instanceof Undecodable) return 'a row could not be decoded';
  if (error instanceof NothingTouched) return 'a required statement touched nothing';
  if (error instanceof AbortedBefore) return 'aborted before';
  if (error instanceof Database.SqliteError) return `${error.code}: ${error.message}`;
  if (isPylonDbError(error)) return `${error.code}: ${error.message}`;
  return `unexpected ${String(error)}`;
}
