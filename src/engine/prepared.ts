import {
  type Compilable,
  type DeleteResult,
  type InsertQueryBuilder,
  type InsertResult,
  type QueryCreator,
  type RawBuilder,
  sql,
  type UpdateResult,
} from 'kysely';
import type { DB } from '../../generated/db.js';
import type { DATA_TABLE_NAMES } from '../schema/names.js';
import type { GeneratedKeys } from '../schema/tables.js';
import type { SqlSyntax } from './sql-syntax.js';

/** What a database stores and gives back. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** One row as the driver gives it: the selected columns in their order, not yet checked. */
export type RawRow = readonly unknown[];

/** Typed placeholders, one a parameter, to use where the builder takes a value. */
export type Params<Values> = { readonly [Name in keyof Values]-?: RawBuilder<Values[Name]> };

/** A query as an engine keeps it: built and compiled once, run many times. */
export interface PreparedQuery<Row> {
  /** Names the query in plan snapshots: `jobs.get`. */
  readonly name: string;
  compile(db: QueryCreator<DB>, syntax: SqlSyntax): CompiledPrepared;
  readonly returnsRows: boolean;
  /** Whether it may give a row that can't be decoded, and then must be undone. */
  readonly mayGiveCorruptRow: boolean;
  readonly locks?: Locks | undefined;
  /**
   * Whether the best plan depends on the values, so that a server plans it for each call: it costs a
   * fifth of a millisecond, and a plan for the average value may read a whole history for a rare one.
   */
  readonly plannedEachTime?: boolean | undefined;
  /** Of an insert that leaves out a row whose key stands: finds that row. */
  readonly ifNew?: ((values: Readonly<Record<string, SqlValue>>) => Bound<unknown>) | undefined;
  /** The column whose value the database makes; the result's `insertId`. */
  readonly generatedKey?: string | undefined;
  /** Of a write: what it leaves behind. */
  readonly outcome?: Outcome<Row> | undefined;
  /** Checks a row and gives it its shape; throws `CORRUPT_ROW` or `OUT_OF_RANGE`. */
  readonly decode: (row: RawRow) => Row;
  /** Of a service's own query: `decode` then takes rows of one value, the row by column names. */
  readonly byName?: RowsByName | undefined;
}

/** What an engine asks to make the rows of a query whose columns it only knows from the database. */
export interface RowsByName {
  /** Whether its statement returns rows. Known once it is compiled, like the rest. */
  readonly givesRows: boolean;
  /** The row that stands for a write which returns none. */
  counted(affectedRows: bigint, insertId: bigint | undefined): unknown;
}

/**
 * What a statement must have for itself, where an engine runs statements of many processes at once:
 * by kind, the parameter that names it. `agent` and `job` are the rows that it changes; of one
 * `payment` only one statement at a time may look whether it stands, and store it.
 */
export type Locks<Param extends string = string> = Readonly<
  Partial<Record<'agent' | 'job' | 'payment', Param>>
>;

/** SQL, and for each of its placeholders in order a parameter's name or a constant. */
export interface CompiledPrepared {
  readonly sql: string;
  readonly slots: readonly (ParamSlot | SqlValue)[];
}

/** A prepared query with the values of one call. */
export interface Bound<Row> {
  readonly prepared: PreparedQuery<Row>;
  readonly values: Readonly<Record<string, SqlValue>>;
}

/** One that a read handle takes. */
export interface BoundRead<Row> extends Bound<Row> {
  /** Never there: only its type is used. */
  readonly does?: 'read';
}

/** One that only a write handle takes. */
export interface BoundWrite<Row> extends Bound<Row> {
  readonly does?: 'write';
}

type BoundOf<Query, Row> = Query extends { returningAll: unknown }
  ? BoundWrite<Row>
  : BoundRead<Row>;

/** What one statement of a unit did. */
export interface StepResult<Row> {
  /** What it returned, or the rows as the unit found them at its end; else empty. */
  readonly rows: readonly Row[];
  /** How many rows it inserted, changed or deleted. */
  readonly affectedRows: number;
  /** The key that the database gave the row inserted last; meaningless after anything else. */
  readonly insertId: number;
}

/** The published tables that services write. */
export type WrittenTable = (typeof DATA_TABLE_NAMES)[number];

/**
 * What a write leaves behind, so that a unit notices when a trigger of another program swallowed,
 * removed or changed it. Its queries run only while one of the unit's tables has such triggers.
 */
export interface Outcome<Row, Values = Readonly<Record<string, SqlValue>>> {
  readonly table: WrittenTable;
  /** Whether it touches a row whenever it succeeds: only a trigger keeps it from that. */
  readonly always?: boolean;
  /** Whether it deletes: `look` must find nothing. */
  readonly deletes?: boolean;
  /** What errors call it: `job event123`. */
  what(values: Values): string;
  /** The rows that the statement is about to touch, locked; it must touch as many. */
  wanted?(values: Values): Bound<unknown>;
  /** The rows that it touched, as they stand at the end of its unit. */
  look(values: Values, result: StepResult<Row>, wanted: readonly unknown[]): Bound<Row>;
}

/** Stands in a compiled query's parameters for the value that a call will give. */
export class ParamSlot {
  constructor(readonly name: string) {}
}

/** What a query selects, and what becomes of its rows: made by `src/schema/row.ts`. */
export interface Rows<Out, Row> {
  /** Gives a row its shape. */
  readonly decode: (row: RawRow) => Row;
  /** Whether `decode` throws for what another program may have stored. */
  readonly mayBeCorrupt: boolean;
  /** Never there: its type is what the query must select, neither less nor more. */
  readonly out?: (out: Out) => Out;
}

/** Stands for what a query selects until TypeScript has looked at the query: it reads `rows` first. */
interface NotYet {
  readonly 'not yet': true;
}

type OutOf<Query> = Query extends Compilable<infer Out> ? Out : never;

type RowsOf<Query, Row> =
  OutOf<Query> extends NotYet ? Omit<Rows<unknown, Row>, 'out'> : Rows<OutOf<Query>, Row>;

/** The key of the table that a query inserts into, where the database makes it. */
type GeneratedKey<Query> =
  Query extends InsertQueryBuilder<DB, infer Table, InsertResult>
    ? Table extends keyof GeneratedKeys
      ? GeneratedKeys[Table]
      : never
    : OutOf<Query> extends NotYet
      ? string
      : never;

/** A parameter's name; any until TypeScript has looked at the query. */
type NameIn<Values> = unknown extends Values ? string : keyof Values & string;

/** What the builder can't tell of a query. */
interface PreparedOptions<Values, Query, Row> {
  readonly locks?: Locks<NameIn<Values>>;
  readonly plannedEachTime?: boolean;
  /**
   * Of an insert that leaves out a row whose primary key stands: finds that row. See also
   * {@link SqlSyntax.saysIfNew}.
   */
  readonly ifNew?: (values: Values) => Bound<unknown>;
  readonly generatedKey?: GeneratedKey<Query>;
  readonly outcome?: Outcome<Row, Values>;
}

/**
 * A typed query that is built and compiled on first use and only bound after that. It compiles only
 * where it selects what `rows` reads, in that order.
 *
 * ```ts
 * const getJob = prepared('jobs.get', (db, p: Params<{ id: string }>) =>
 *   db.selectFrom('jobs').select(JOB_ROWS.columns).where('id', '=', p.id), JOB_ROWS)
 * await db.first('jobs.get', getJob({ id: 'event123' }))
 * ```
 *
 * Columns are listed by name, never `*`: a statement prepared before a foreign ALTER would answer
 * with shifted columns.
 */
export function prepared<Values, Query extends Compilable<NotYet>, Row>(
  name: string,
  build: (db: QueryCreator<DB>, params: Params<Values>, syntax: SqlSyntax) => Query,
  rows: RowsOf<Query, Row>,
  options: PreparedOptions<NoInfer<Values>, Query, Row> = {},
): (values: Values & Readonly<Record<keyof Values, SqlValue>>) => BoundOf<Query, Row> {
  const query: PreparedQuery<Row> = {
    name,
    returnsRows: rows.decode !== NO_ROWS.decode,
    mayGiveCorruptRow: rows.mayBeCorrupt,
    locks: options.locks,
    plannedEachTime: options.plannedEachTime,
    ifNew: options.ifNew as PreparedQuery<Row>['ifNew'],
    generatedKey: options.generatedKey,
    outcome: options.outcome as Outcome<Row> | undefined,
    decode: rows.decode,
    compile(db, syntax) {
      const { sql: text, parameters } = build(db, placeholders<Values>(), syntax).compile();
      return { sql: text, slots: parameters.map(asSlot) };
    },
  };
  return (values) => ({
    prepared: query,
    values: values as typeof values & Readonly<Record<string, SqlValue>>,
  });
}

type NoRows<Row> = Rows<InsertResult, Row> & Rows<UpdateResult, Row> & Rows<DeleteResult, Row>;

const NO_ROWS: NoRows<never> = {
  decode() {
    throw new TypeError('This statement returns no rows');
  },
  mayBeCorrupt: false,
};

/** For statements that return no rows; their results have those that {@link Outcome.look} finds. */
export function noRows<Row = never>(): NoRows<Row> {
  return NO_ROWS;
}

/** What a build function takes parameters from; `names` gets those that it took. */
export function placeholders<Values>(names?: Set<string>): Params<Values> {
  return new Proxy({} as Params<Values>, {
    get(_, name) {
      names?.add(String(name));
      return sql.val(new ParamSlot(String(name)));
    },
    // `values(p)` would insert a row of nothing but defaults.
    ownKeys() {
      throw new TypeError('parameters are taken one by one: values({ id: p.id })');
    },
  });
}

/** A compiled query's parameter, or the place of one. Throws for what can't be bound. */
export function asSlot(parameter: unknown): ParamSlot | SqlValue {
  if (
    parameter === null ||
    typeof parameter === 'string' ||
    typeof parameter === 'number' ||
    typeof parameter === 'bigint' ||
    parameter instanceof Uint8Array ||
    parameter instanceof ParamSlot
  ) {
    return parameter;
  }
  throw new TypeError(
    'it holds a constant that is not a string, number, bigint, Uint8Array or null',
  );
}
