import {
  type Compilable,
  DeleteResult,
  InsertResult,
  MergeResult,
  type QueryCreator,
  type SimplifyResult,
  UpdateResult,
} from 'kysely';
import type { DB } from '../../generated/db.js';
import { PylonDbError } from '../errors.js';
import {
  asSlot,
  type Bound,
  type CompiledPrepared,
  type Params,
  type PreparedQuery,
  placeholders,
  type RawRow,
  type RowsByName,
  type SqlValue,
} from './prepared.js';

/** What a prepared query of a service is called. */
export interface PreparedOptions {
  /** The operation that errors and `onQuery` name. Without it, errors name the call: `db.all`. */
  readonly name?: string;
}

type RowOf<Query> = Query extends Compilable<infer Out> ? SimplifyResult<Out> : never;

/** Gives a prepared query the values of one call, to hand to `db.all`, `db.first` or `db.batch`. */
export type Bind<Values, Row> = [keyof Values] extends [never]
  ? () => Bound<Row>
  : (values: Readonly<Values>) => Bound<Row>;

/**
 * A query of a service's own: built and compiled on first use, then only bound. Define it at module
 * level, and annotate both parameters of `build`; it may run more than once, and must give the same
 * query each time. Throws nothing: what is wrong with the query rejects the first call that uses it.
 *
 * ```ts
 * const urgent = prepared((db: QueryCreator<MyDB>, p: Params<{ kind: number; limit: number }>) =>
 *   db.selectFrom('jobs').select(['id', 'priority']).where('kind', '=', p.kind).limit(p.limit));
 * const rows = await db.all(urgent({ kind: 5100, limit: 10 }));
 * ```
 */
export function prepared<
  Tables,
  Values extends Readonly<Record<keyof Values, SqlValue>>,
  Query extends Compilable<unknown>,
>(
  build: (db: QueryCreator<Tables>, params: Params<Values>) => Query,
  options?: PreparedOptions,
): Bind<Values, RowOf<Query>>;
// Which tables there are is the author's claim: the database says whether they are.
export function prepared(build: Build, { name = '' }: PreparedOptions = {}): unknown {
  const query = new TypedQuery(name, build);
  // A copy: whoever reuses an object for the next call must not change this one, which may wait.
  return (values?: Values): Bound<unknown> => ({ prepared: query, values: { ...values } });
}

type Values = Readonly<Record<string, SqlValue>>;

type Build = (db: QueryCreator<DB>, params: Params<Values>) => Compilable<unknown>;

/** What an engine needs of a query whose rows are objects, by the names that the database gives. */
export class TypedQuery implements PreparedQuery<unknown>, RowsByName {
  readonly returnsRows = true;
  readonly byName: RowsByName = this;
  readonly #compiled = new WeakMap<QueryCreator<DB>, CompiledTyped>();
  readonly #build: Build;
  #kind = '';
  #givesRows = true;
  #saysFail = false;

  constructor(
    readonly name: string,
    build: Build,
  ) {
    this.#build = build;
  }

  get givesRows(): boolean {
    return this.#givesRows;
  }

  /** An integer that a number can't hold shows when its row is read; OR FAIL keeps rows of a failure. */
  get mayGiveCorruptRow(): boolean {
    return this.#givesRows || this.#saysFail;
  }

  /** Compiles it, once for each `db`. Throws `INVALID_ARGUMENT` for what can't be prepared. */
  compile(db: QueryCreator<DB>): CompiledTyped {
    let compiled = this.#compiled.get(db);
    if (compiled === undefined) {
      compiled = this.#compile(db);
      this.#compiled.set(db, compiled);
    }
    return compiled;
  }

  /** The row that stands for a write which returns none: what Kysely gives for it. */
  counted(affectedRows: bigint, insertId: bigint | undefined): unknown {
    switch (this.#kind) {
      case 'InsertQueryNode':
        return new InsertResult(affectedRows === 0n ? undefined : insertId, affectedRows);
      case 'UpdateQueryNode':
        return new UpdateResult(affectedRows, undefined);
      case 'DeleteQueryNode':
        return new DeleteResult(affectedRows);
      default:
        return new MergeResult(affectedRows);
    }
  }

  /** Engines give each finished row, an object, as the only value of a raw one. */
  decode([row]: RawRow): unknown {
    return row;
  }

  #compile(db: QueryCreator<DB>): CompiledTyped {
    const names = new Set<string>();
    try {
      const { sql, parameters, query } = this.#build(db, placeholders(names)).compile();
      this.#kind = query.kind;
      this.#saysFail = /\bfail\b/i.test(sql);
      this.#givesRows =
        query.kind === 'SelectQueryNode' || ('returning' in query && query.returning !== undefined);
      return { sql, slots: parameters.map(asSlot), params: [...names], nodeKind: query.kind };
    } catch (error) {
      if (error instanceof PylonDbError) throw error;
      throw new PylonDbError(
        'INVALID_ARGUMENT',
        `the query can't be built: ${error instanceof Error ? error.message : String(error)}`,
        { field: 'build' },
        { cause: error, hint: 'Look at the function that was given to prepared().' },
      );
    }
  }
}

/** A compiled query of a service's own. */
export interface CompiledTyped extends CompiledPrepared {
  /** The names of its parameters. */
  readonly params: readonly string[];
  /** What Kysely calls its statement. */
  readonly nodeKind: string;
}
