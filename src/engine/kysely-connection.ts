import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';

/** What an ad-hoc statement gave: rows, or for a write what it changed. */
export interface RawResult {
  readonly rows: Record<string, unknown>[];
  readonly changes?: bigint;
  readonly lastInsertRowid?: bigint;
}

/** What runs a compiled query: the engine's queues, or an open transaction. */
export interface RawRunner {
  raw(sql: string, parameters: readonly unknown[], nodeKind: string): Promise<RawResult>;
  /** Rows one by one, without holding them all; where missing, they are read at once. */
  stream?(sql: string, parameters: readonly unknown[]): AsyncIterable<Record<string, unknown>>;
}

/** Kysely's view of a {@link RawRunner}. */
export class QueryConnection implements DatabaseConnection {
  readonly #runner: RawRunner;

  constructor(runner: RawRunner) {
    this.#runner = runner;
  }

  // The rows' type is the builder's claim about its own query; Kysely's interface hands it in here.
  async executeQuery<Row>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<Row>> {
    const result = await this.#runner.raw(sql, parameters, query.kind);
    return {
      rows: result.rows as Row[],
      ...(result.changes === undefined ? {} : { numAffectedRows: result.changes }),
      ...(result.lastInsertRowid === undefined ? {} : { insertId: result.lastInsertRowid }),
    };
  }

  async *streamQuery<Row>(compiled: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    const { sql, parameters } = compiled;
    if (this.#runner.stream === undefined) {
      const { rows } = await this.executeQuery<Row>(compiled);
      for (const row of rows) yield { rows: [row] };
      return;
    }
    for await (const row of this.#runner.stream(sql, parameters)) yield { rows: [row as Row] };
  }
}

/** Gives a row object one column of any name, also of one that objects have a setter for. */
export function setColumn(row: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') {
    row[name] = value;
    return;
  }
  Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}
