import type Database from 'better-sqlite3';
import type { QueryCreator } from 'kysely';
import type { DB } from '../../../generated/db.js';
import { type QueryEvent, reportQuery } from '../engine.js';
import type { RawResult } from '../kysely-connection.js';
import type { ForeignTriggers } from '../outcome.js';
import type { Bound, PreparedQuery, RawRow, SqlValue, StepResult } from '../prepared.js';
import { SqlCache } from '../sql-cache.js';
import { afterFailedCommit } from './failed-commit.js';
import { sqliteSyntax } from './kysely-dialect.js';
import { NamedStatement } from './named-statement.js';
import { OURS, PreparedStatement } from './prepared-statement.js';
import { type RawStatement, runRaw } from './raw-statement.js';
import type { SchemaState } from './schema-state.js';
import { SchemaWatch, type WatchProps } from './schema-watch.js';
import { WalLimit } from './wal-limit.js';

const NO_TRIGGERS: ForeignTriggers = new Set();

/** Inserts that look for their key first after one met it: a look costs a fifth of a failed insert. */
const LOOKS_FOR_KNOWN = 16;

/** The published jobs have `failed` among their words. */
const SAYING_FAIL = "select sql from sqlite_schema where sql like '%fail%'";

type OnQuery = ((event: QueryEvent) => void) | undefined;

/**
 * One better-sqlite3 connection: statements prepared once, transaction control, and `onQuery`.
 * Everything here is synchronous; queues decide when it runs.
 */
export class SqliteConnection {
  readonly #db: Database.Database;
  readonly #builder: QueryCreator<DB>;
  readonly #onQuery: OnQuery;
  /** Weak: a query that was made in a function, against advice, goes with it. */
  readonly #prepared = new WeakMap<PreparedQuery<unknown>, PreparedStatement>();
  readonly #raw = new SqlCache<RawStatement>();
  readonly #looksForKnown = new Map<PreparedQuery<unknown>, number>();
  #saysFail = false;
  #searchedIn: SchemaState | undefined;
  readonly #begin: Database.Statement;
  readonly #beginImmediate: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  readonly #savepoint: Database.Statement;
  readonly #release: Database.Statement;
  readonly #rollbackTo: Database.Statement;
  /** Missing while migrations run: they change the schema themselves. */
  readonly schema: SchemaWatch | undefined;
  /** Of a connection that writes a file. */
  readonly wal: WalLimit | undefined;

  /** `builder` compiles queries; it never runs one. */
  constructor(
    db: Database.Database,
    builder: QueryCreator<DB>,
    onQuery: OnQuery,
    watch?: WatchProps,
  ) {
    this.#db = db;
    this.schema = watch === undefined ? undefined : new SchemaWatch(db, watch);
    this.wal = db.memory || db.readonly || watch === undefined ? undefined : new WalLimit(db);
    this.#builder = builder;
    this.#onQuery = onQuery;
    this.#begin = db.prepare('begin');
    this.#beginImmediate = db.prepare('begin immediate');
    this.#commit = db.prepare('commit');
    this.#rollback = db.prepare('rollback');
    this.#savepoint = db.prepare('savepoint unit');
    this.#release = db.prepare('release unit');
    this.#rollbackTo = db.prepare('rollback to unit');
  }

  /** The published tables that have triggers of other programs, as far as it was looked. */
  get foreignTriggers(): ForeignTriggers {
    const { schema } = this;
    return schema === undefined ? NO_TRIGGERS : (schema.state ?? schema.current()).foreignTriggers;
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction;
  }

  begin(): void {
    this.#begin.run();
  }
  /** Throws `SCHEMA_MISMATCH`, with no transaction open, where a newer pylon-db migrated the file. */
  beginImmediate(): void {
    this.#beginImmediate.run();
    try {
      this.schema?.current();
    } catch (error) {
      this.rollback();
      throw error;
    }
  }
  /** Throws `CommitUnknown` when a crash could still store what COMMIT refused. */
  commit(): void {
    try {
      this.#commit.run();
      this.schema?.committed();
    } catch (error) {
      throw this.afterFailedCommit(error);
    }
  }
  /** What to throw for a statement that failed while it committed by itself; or see `commit`. */
  afterFailedCommit(error: unknown): unknown {
    return afterFailedCommit(this.#db, error);
  }
  /** Rolls back unless SQLite has already done so. */
  rollback(): void {
    if (this.#db.inTransaction) this.#rollback.run();
    this.schema?.undone();
  }
  savepoint(): void {
    this.#savepoint.run();
  }
  release(): void {
    this.#release.run();
  }
  /** Undoes the savepoint's statements and drops it, unless the whole transaction is gone. */
  undoSavepoint(): void {
    this.schema?.undone();
    if (!this.#db.inTransaction) return;
    this.#rollbackTo.run();
    this.#release.run();
  }

  first<Row>({ prepared, values }: Bound<Row>): Row | undefined {
    const statement = this.#statementFor(prepared);
    const row =
      statement.isPlain && this.#onQuery === undefined
        ? statement.get(values)
        : this.#ask(statement, () => statement.get(values));
    return row === undefined ? undefined : prepared.decode(row);
  }

  all<Row>({ prepared, values }: Bound<Row>): Row[] {
    const statement = this.#statementFor(prepared);
    const rows =
      statement.isPlain && this.#onQuery === undefined
        ? statement.all(values)
        : this.#ask(statement, () => statement.all(values));
    return rows.map(prepared.decode);
  }

  /** The rows of several queries at one instant. */
  snapshot(queries: readonly Bound<unknown>[]): unknown[][] {
    return this.#atOneInstant(() => queries.map((query) => this.all(query)));
  }

  /** Runs one statement of a unit; what RETURNING gave is not decoded yet. */
  write({ prepared, values }: Bound<unknown>): StepResult<RawRow> {
    const statement = this.#statementFor(prepared);
    if (this.#onQuery === undefined) return statement.write(values);
    return this.#timed(statement, () => statement.write(values));
  }

  /** Whether a row of an insert's key stands; looks only while known keys are expected. */
  knows(insert: PreparedQuery<unknown>, standing: Bound<unknown>): boolean {
    const looks = this.#looksForKnown.get(insert) ?? 0;
    if (looks === 0) return false;
    if (this.first(standing) !== undefined) {
      this.expectKnown(insert);
      return true;
    }
    this.#looksForKnown.set(insert, looks - 1);
    return false;
  }

  /** An insert met a known key: where one event comes twice, so may others. */
  expectKnown(insert: PreparedQuery<unknown>): void {
    this.#looksForKnown.set(insert, LOOKS_FOR_KNOWN);
  }

  /** The statement of an ad-hoc query; throws what SQLite says of its SQL. */
  rawStatement(sql: string): RawStatement {
    let statement = this.#raw.get(sql);
    if (statement === undefined) {
      statement = this.#prepare(sql);
      statement.safeIntegers();
      if (statement.reader) statement.raw();
      // A kept `select *` would answer with shifted columns after a foreign ALTER.
      if (!sql.includes('*')) this.#raw.add(sql, statement);
    }
    return statement;
  }

  raw(sql: string, parameters: readonly unknown[]): RawResult {
    const statement = this.rawStatement(sql);
    const run = () => runRaw(statement, parameters);
    if (statement.readonly)
      return this.#ask({ sql, isPlain: !sql.includes(OURS), operation: '' }, run);
    this.schema?.lookNext();
    return this.#timed({ sql, operation: '' }, run);
  }

  /**
   * Whether a write that fails may keep some of its changes, though it commits by itself: a trigger or
   * a constraint of the schema says FAIL.
   */
  get mayKeepChanges(): boolean {
    const state = this.schema?.state;
    if (state === undefined || state !== this.#searchedIn) {
      const found = this.#db.prepare<[], string>(SAYING_FAIL).pluck().all();
      this.#saysFail = found.some((sql) => /\bfail\b/i.test(sql));
      this.#searchedIn = state;
    }
    return this.#saysFail;
  }

  /** How many rows the latest write changed and, where it failed, kept changed. */
  keptChanges(): number {
    return this.#db.prepare<[], number>('select changes()').pluck().get() ?? 0;
  }

  close(): void {
    this.#db.close();
  }

  #statementFor(query: PreparedQuery<unknown>): PreparedStatement {
    let statement = this.#prepared.get(query);
    if (statement === undefined) {
      const compiled = query.compile(this.#builder, sqliteSyntax);
      const driver = this.#prepare<SqlValue[], RawRow>(compiled.sql);
      const { name, byName } = query;
      statement =
        byName === undefined
          ? new PreparedStatement(driver, compiled)
          : new NamedStatement(driver, compiled, { name, byName }, this.schema);
      this.#prepared.set(query, statement);
    }
    return statement;
  }

  #prepare<Values extends unknown[], Row>(sql: string): Database.Statement<Values, Row> {
    const before = this.schema?.state;
    try {
      return this.#db.prepare<Values, Row>(sql);
    } catch (error) {
      // A table of ours that another program dropped is missing until the look that finds it out.
      if (!sql.includes(OURS) || this.schema?.current() === before) throw error;
      return this.#prepare(sql);
    }
  }

  /** Runs a statement that only reads; one that isn't plain at one instant with a look at the schema. */
  #ask<Result>(asked: Asked & { readonly isPlain: boolean }, run: () => Result): Result {
    const schema = this.schema;
    if (schema === undefined || asked.isPlain) return this.#timed(asked, run);
    // Both in one transaction: the version's lock of its own would cost a total a sixth.
    return this.#atOneInstant(() => {
      for (;;) {
        const before = schema.state;
        try {
          const result = this.#timed(asked, run);
          // Read after the totals: still the verified version, it was so before, and our triggers
          // kept them.
          if (schema.current() === before) return result;
        } catch (error) {
          if (schema.current() === before) throw error;
        }
      }
    });
  }

  #atOneInstant<Result>(read: () => Result): Result {
    if (this.inTransaction) return read();
    this.begin();
    try {
      const result = read();
      this.commit();
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  #timed<T>({ sql, operation }: Asked, run: () => T): T {
    if (this.#onQuery === undefined) return run();
    const event = operation === '' ? { sql } : { operation, sql };
    const start = performance.now();
    try {
      const result = run();
      reportQuery(this.#onQuery, { ...event, durationMs: performance.now() - start });
      return result;
    } catch (error) {
      reportQuery(this.#onQuery, { ...event, durationMs: performance.now() - start, error });
      throw error;
    }
  }
}

/** What an event says of a statement. */
interface Asked {
  readonly sql: string;
  readonly operation: string;
}
