import type { Kysely, Transaction } from 'kysely';
import type { DB } from '../../generated/db.js';
import type { Bound, BoundRead, StepResult } from './prepared.js';

/** One statement of a unit. */
export interface Step<Row = unknown> {
  readonly query: Bound<Row>;
  /** Undo the whole unit and throw {@link StepWithoutRows} when this statement touches no row. */
  readonly required?: boolean;
  /** Look first which rows it wants to touch, as `outcome` says, though no foreign trigger is known. */
  readonly watched?: boolean;
}

/** One result per statement, in the order of the unit. */
export type UnitResults<Unit extends readonly Step[]> = {
  -readonly [K in keyof Unit]: Unit[K] extends Step<infer Row> ? StepResult<Row> : never;
};

/** One list of rows per query, in the order asked. */
export type SnapshotRows<Queries extends readonly Bound<unknown>[]> = {
  -readonly [K in keyof Queries]: Queries[K] extends Bound<infer Row> ? Row[] : never;
};

/**
 * Where a request stands in its call. A `continuation` finishes a call that was accepted before, in
 * the same turn in which the first request was answered: it is served while `close` waits.
 */
export type Admission = 'new' | 'continuation';

/**
 * What a service may ask for when it only reads. Reads see every write acknowledged before the
 * call. `operation` is the caller's name for it, reported in errors.
 */
export interface ReadHandle {
  first<Row>(
    operation: string,
    query: BoundRead<Row>,
    admission?: Admission,
  ): Promise<Row | undefined>;
  all<Row>(operation: string, query: BoundRead<Row>, admission?: Admission): Promise<Row[]>;
  /** Answers several queries from one instant. */
  snapshot<const Queries extends readonly BoundRead<unknown>[]>(
    operation: string,
    queries: Queries,
    admission?: Admission,
  ): Promise<SnapshotRows<Queries>>;
  /**
   * Makes a call that awaits more than its requests: `close` waits for it, and all of its requests
   * are follow-ups.
   */
  during<Result>(operation: string, call: () => Promise<Result>): Promise<Result>;
}

/**
 * What a service may ask for when it writes. A unit is a list of statements, never a closure, so
 * that an engine can put many units into one transaction and replay each alone. It is stored whole
 * or not at all; the promise resolves after COMMIT (inside a transaction: after the last statement).
 */
export interface WriteHandle extends ReadHandle {
  /**
   * Looks for a row of `query` at the call, without the lock that writers wait for. `undefined` where
   * only a write can say: on a server, in a transaction, in memory, and while writes of this process
   * wait, which a reader doesn't see. A write that follows at once keeps the place of the call.
   */
  look<Row>(operation: string, query: BoundRead<Row>, admission?: Admission): Look<Row> | undefined;
  write<const Unit extends readonly Step[]>(
    operation: string,
    unit: Unit,
    admission?: Admission,
  ): Promise<UnitResults<Unit>>;
}

/** What stood at a call. */
export interface Look<Row> {
  readonly row: Row | undefined;
  /** To be awaited by who answers without a write: resolves once timers had their turn. */
  readonly turn: Promise<void> | undefined;
}

/** Typed queries of a service's own. */
export interface OwnQueries {
  all<Row>(query: Bound<Row>): Promise<Row[]>;
  first<Row>(query: Bound<Row>): Promise<Row | undefined>;
  batch<const Queries extends readonly Bound<unknown>[]>(
    queries: Queries,
  ): Promise<SnapshotRows<Queries>>;
}

/** A transaction as `db.transaction` hands it on. */
export interface EngineTransaction<Tables = DB> {
  readonly handle: WriteHandle;
  readonly kysely: Transaction<Tables>;
  readonly queries: OwnQueries;
}

/** A database that can be copied into a file. */
export interface CopyableDatabase {
  readonly path: string;
  /** Copies what is committed into an empty file; missing where another process can read `path`. */
  readonly copyInto: ((file: string) => Promise<void>) | undefined;
}

/** How long a transaction may take, in milliseconds. */
export interface TransactionLimit {
  readonly timeoutMs?: number;
}

/** What PylonDb asks of a database; each kind has an engine of its own. */
export interface Engine extends WriteHandle {
  /** Any other query, through the same engine. */
  readonly kysely: Kysely<DB> & { typed<Tables>(): Kysely<Tables> };
  readonly queries: OwnQueries;
  /** Runs `callback` in a transaction, all or nothing. */
  transaction<Result, Tables = DB>(
    operation: string,
    limit: TransactionLimit,
    callback: (tx: EngineTransaction<Tables>) => Promise<Result>,
  ): Promise<Result>;
  /** Throws `CLOSED`, or `OUTER_HANDLE_IN_TRANSACTION` inside a transaction's callback. */
  assertUsable(operation: string): void;
  /** Where a backup copies from. Throws `NOT_SUPPORTED` where another program makes backups. */
  copySource(operation: string): CopyableDatabase;
  /** Waits for queued calls, then closes. Later calls throw `CLOSED`. */
  close(): Promise<void>;
}

/** A required statement touched no row, so its unit was undone. Services say what that means. */
export class StepWithoutRows {
  readonly reason = 'a required statement touched no row';
}

/** Whether a unit was undone because a required statement touched no row. */
export function isStepWithoutRows(error: unknown): error is StepWithoutRows {
  return error instanceof StepWithoutRows;
}

/** Seconds since 1970, as an integer. One reading serves a whole unit. */
export type Clock = () => number;

/** What `onQuery` gets: the SQL with its placeholders, never parameter values. */
export interface QueryEvent {
  /** What a query of `prepared` was named; missing for all else. */
  readonly operation?: string;
  readonly sql: string;
  readonly durationMs: number;
  readonly error?: unknown;
}

/** Whether commits outlive a power cut (`full`), or only the death of the process. */
export type Durability = 'normal' | 'full';

/** Reports a query to a listener, if there is one. A broken listener must not decide what is stored. */
export function reportQuery(
  onQuery: ((event: QueryEvent) => void) | undefined,
  event: QueryEvent,
): void {
  try {
    onQuery?.(event);
  } catch (error) {
    process.emitWarning(`onQuery threw: ${String(error)}`, 'PylonDbWarning');
  }
}
