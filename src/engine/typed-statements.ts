import type { QueryCreator } from 'kysely';
import type { DB } from '../../generated/db.js';
import { PylonDbError } from '../errors.js';
import { invalid, text } from '../schema/input.js';
import type { Bound, SqlValue } from './prepared.js';
import { assertAllowed, type RawStatement, type RawStatements } from './raw-sql.js';
import { TypedQuery } from './typed-query.js';

/** What is known of a service's own query before it runs. */
interface TypedStatement {
  readonly params: readonly string[];
  /** Whether it only reads. */
  readonly reads: boolean;
  readonly words: RawStatement;
}

/** Statements that Kysely's `QueryCreator` builds, and that can share a transaction. */
const BUILT: ReadonlySet<string> = new Set([
  ...['SelectQueryNode', 'InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode'],
  'MergeQueryNode',
]);

/** Looks at each query of a service once, and at the values of each call. */
export class TypedStatements {
  readonly #builder: QueryCreator<DB>;
  readonly #statements: RawStatements;
  readonly #known = new WeakMap<TypedQuery, TypedStatement>();

  constructor(builder: QueryCreator<DB>, statements: RawStatements) {
    this.#builder = builder;
    this.#statements = statements;
  }

  /**
   * Whether the query only reads. Throws `INVALID_ARGUMENT` for what isn't a bound query, one that
   * can't be built, or a value that can't be bound, and `NOT_SUPPORTED` for what ad-hoc SQL refuses.
   */
  reads(query: Bound<unknown>, handle: 'db' | 'tx', call: string): boolean {
    const prepared = preparedOf(query, call);
    const known = this.#known.get(prepared) ?? this.#look(prepared, call);
    const operation = prepared.name === '' ? call : prepared.name;
    if (known.words.refusal !== undefined || known.words.outsideRefusal !== undefined) {
      assertAllowed(known.words, `${handle}.kysely`, operation);
    }
    checkValues(query.values, known.params, operation);
    return known.reads;
  }

  #look(prepared: TypedQuery, call: string): TypedStatement {
    const operation = prepared.name === '' ? call : prepared.name;
    const { sql, params, nodeKind } = compiled(prepared, this.#builder, operation);
    const words = this.#statements.of(sql);
    // Before it is said that it is of another kind: that hint knows the way.
    assertAllowed(words, 'tx.kysely', operation);
    if (!BUILT.has(nodeKind)) throw notBuilt(operation);
    const reads = nodeKind === 'SelectQueryNode' && words.asks !== 'no';
    const known = { params, reads, words };
    this.#known.set(prepared, known);
    return known;
  }
}

function compiled(prepared: TypedQuery, builder: QueryCreator<DB>, operation: string) {
  try {
    return prepared.compile(builder);
  } catch (error) {
    throw error instanceof PylonDbError ? error.withOperation(operation) : error;
  }
}

function preparedOf(query: Bound<unknown>, operation: string): TypedQuery {
  // A caller without types may give anything.
  const prepared: unknown = (query as Partial<Bound<unknown>> | undefined)?.prepared;
  if (prepared instanceof TypedQuery) return prepared;
  throw invalid('query', operation, 'what a query of prepared() gives for its values', query);
}

function notBuilt(operation: string): PylonDbError {
  return new PylonDbError(
    'NOT_SUPPORTED',
    'only SELECT, INSERT, UPDATE, DELETE and MERGE can be prepared',
    {},
    {
      operation,
      hint: 'Build it from the db that the function gets; all else goes through db.kysely.',
    },
  );
}

/**
 * Throws `INVALID_ARGUMENT`, naming the parameter that is missing, unknown or can't be bound. Bytes
 * are copied: the call may wait for its turn while they change.
 */
function checkValues(
  values: Record<string, SqlValue>,
  params: readonly string[],
  operation: string,
): void {
  for (const name in values) {
    if (!params.includes(name)) throw unknownParameter(name, params, operation);
  }
  for (const name of params) {
    const value = values[name];
    if (typeof value === 'string') text(value, name, operation);
    else if (value instanceof Uint8Array) values[name] = Uint8Array.from(value);
    else if (!isBindable(value)) throw invalid(name, operation, BINDABLE, value);
  }
}

const BINDABLE = 'a string, number, bigint, Uint8Array or null';

/** SQLite stores NaN as NULL, without a word. */
function isBindable(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isNaN(value);
  return value === null || typeof value === 'bigint';
}

function unknownParameter(
  name: string,
  known: readonly string[],
  operation: string,
): PylonDbError<'INVALID_ARGUMENT'> {
  const hint = known.length === 0 ? 'It takes none.' : `It takes: ${known.join(', ')}.`;
  return new PylonDbError(
    'INVALID_ARGUMENT',
    `the query has no parameter ${JSON.stringify(name)}`,
    { field: name },
    { operation, hint },
  );
}
