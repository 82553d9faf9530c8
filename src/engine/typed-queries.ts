import { PylonDbError } from '../errors.js';
import { invalid } from '../schema/input.js';
import type { OwnQueries, SnapshotRows, WriteHandle } from './engine.js';
import type { Bound, StepResult } from './prepared.js';
import type { TypedStatements } from './typed-statements.js';

/** Typed queries of a service's own, on a database or in a transaction. */
export class TypedQueries implements OwnQueries {
  readonly #handle: WriteHandle;
  readonly #statements: TypedStatements;
  readonly #name: 'db' | 'tx';

  constructor(handle: WriteHandle, statements: TypedStatements, name: 'db' | 'tx') {
    this.#handle = handle;
    this.#statements = statements;
    this.#name = name;
  }

  /** See `PylonDb.all`. */
  async all<Row>(query: Bound<Row>): Promise<Row[]> {
    const call = `${this.#name}.all`;
    const reads = this.#statements.reads(query, this.#name, call);
    try {
      if (reads) return await this.#handle.all(call, query);
      const [{ rows }] = await this.#handle.write(call, [{ query }]);
      return rows as Row[];
    } catch (error) {
      throw inQuery(query.prepared.name, error);
    }
  }

  /** See `PylonDb.first`. */
  async first<Row>(query: Bound<Row>): Promise<Row | undefined> {
    const call = `${this.#name}.first`;
    const reads = this.#statements.reads(query, this.#name, call);
    try {
      if (reads) return await this.#handle.first(call, query);
      const [{ rows }] = await this.#handle.write(call, [{ query }]);
      return rows[0];
    } catch (error) {
      throw inQuery(query.prepared.name, error);
    }
  }

  /** See `PylonDb.batch`. */
  async batch<const Queries extends readonly Bound<unknown>[]>(
    queries: Queries,
  ): Promise<SnapshotRows<Queries>> {
    const call = `${this.#name}.batch`;
    if (!Array.isArray(queries)) throw invalid('queries', call, 'a list of queries', queries);
    let reads = true;
    // All are looked at before any runs.
    for (const query of queries) reads = this.#statements.reads(query, this.#name, call) && reads;
    if (reads) return await this.#handle.snapshot(call, queries);
    const steps = queries.map((query) => ({ query }));
    const results: readonly StepResult<unknown>[] = await this.#handle.write(call, steps);
    return results.map(({ rows }) => rows) as SnapshotRows<Queries>;
  }
}

/** The error as reported by a query that has a name. */
export function inQuery(name: string | undefined, error: unknown): unknown {
  return name !== undefined && name !== '' && error instanceof PylonDbError
    ? error.withOperation(name)
    : error;
}
