/** What each code reports beyond its message. The set of codes is closed (DESIGN §3). */
export interface ErrorDetails {
  INVALID_ARGUMENT: { field: string; constraint?: Constraint };
  NOT_FOUND: { entity: Entity; id: string };
  ALREADY_EXISTS: { entity: Entity; id: string };
  ILLEGAL_TRANSITION: { id: string; from: string; to: string };
  DUPLICATE_PAYMENT: { existingId: string };
  OUT_OF_RANGE: { table?: string; column?: string; key?: string };
  CORRUPT_ROW: { table: string; column: string; key: string };
  BUSY: { waitedMs: number };
  TIMEOUT: { timeoutMs: number };
  ABORTED: NoDetails;
  DISK_FULL: NoDetails;
  READ_ONLY: NoDetails;
  CORRUPT: NoDetails;
  NOT_A_DATABASE: { path: string };
  CANNOT_OPEN: { path: string };
  /** `since`: unix seconds at which the file was last seen in place. */
  FILE_REPLACED: { path: string; since: number };
  SCHEMA_MISMATCH: { problems: readonly string[]; pending?: readonly string[] };
  MIGRATION_FAILED: { migration: string; statement?: string };
  OUTER_HANDLE_IN_TRANSACTION: { calledAt: string; transactionOpenedAt: string };
  TRANSACTION_ENDED: NoDetails;
  CLOSED: NoDetails;
  IN_USE: { pids: readonly number[] };
  BACKUP_INVALID: NoDetails;
  NOT_SUPPORTED: NoDetails;
  CONNECTION_LOST: NoDetails;
  COMMIT_UNKNOWN: NoDetails;
}

type NoDetails = Record<never, never>;

/** A stable name for what went wrong; see {@link ErrorDetails} for what comes with each. */
export type ErrorCode = keyof ErrorDetails;

/** The kinds of records that an error can name. */
export type Entity = 'job' | 'earning' | 'agent' | 'tick';

/** Which rule of the schema a write broke. */
export type Constraint =
  | 'primary_key'
  | 'unique'
  | 'foreign_key'
  | 'check'
  | 'not_null'
  | 'trigger'
  | 'other';

/** A {@link PylonDbError} of one code, whose details are fields of the error as well. */
export type PylonDbErrorOf<C extends ErrorCode> = PylonDbError<C> & Readonly<ErrorDetails[C]>;

interface ErrorContext {
  /** The call that failed, as a caller writes it: `jobs.create`. The command line has none. */
  readonly operation?: string | undefined;
  /** What to do about it, in one sentence. */
  readonly hint: string;
  readonly cause?: unknown;
}

/**
 * The only error class that pylon-db throws: a stable `code`, the `operation`, a `hint` with the
 * fix, and details by code. `error.details.id` and `error.id` are the same value. Ids and hashes of
 * records may appear in them; preimages never do.
 */
export class PylonDbError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly operation: string;
  readonly hint: string;
  readonly #details: Readonly<ErrorDetails[C]>;
  readonly #problem: string;

  constructor(code: C, problem: string, details: Readonly<ErrorDetails[C]>, context: ErrorContext) {
    const { operation = '', hint, cause } = context;
    const { stackTraceLimit } = Error;
    // A stack is most of what an error costs: it is taken once, below.
    Error.stackTraceLimit = 0;
    super(
      operation === '' ? problem : `${operation}: ${problem}`,
      cause === undefined ? undefined : { cause },
    );
    Error.stackTraceLimit = stackTraceLimit;
    withDeepStack(() => Error.captureStackTrace(this, PylonDbError));
    this.code = code;
    this.operation = operation;
    this.hint = hint;
    this.#details = Object.freeze({ ...details });
    this.#problem = problem;
    Object.assign(this, details);
  }

  static {
    // On the prototype, so that `stack` and `console.log` show it and no instance repeats it.
    PylonDbError.prototype.name = 'PylonDbError';
  }

  get details(): Readonly<ErrorDetails[C]> {
    return this.#details;
  }

  /** The message without the operation before it. */
  get problem(): string {
    return this.#problem;
  }

  /**
   * The same failure, reported by `operation`. The engine meets errors in a later turn, where the
   * caller is no longer on the stack; made anew behind an `await`, the error keeps its frame.
   */
  withOperation(operation: string): PylonDbError<C> {
    return new PylonDbError(this.code, this.#problem, this.#details, {
      operation,
      hint: this.hint,
      ...(this.cause === undefined ? {} : { cause: this.cause }),
    });
  }
}

/** Frames that a stack keeps: a query builder puts more than the usual 10 between us and a caller. */
const STACK_FRAMES = 40;

/** Runs `capture` with stacks deep enough to reach the caller. */
export function withDeepStack<Result>(capture: () => Result): Result {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Math.max(stackTraceLimit, STACK_FRAMES);
  try {
    return capture();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether `error` is a {@link PylonDbError}, and with `code`, of that code: then its details are typed. */
export function isPylonDbError<C extends ErrorCode>(
  error: unknown,
  code?: C,
): error is PylonDbErrorOf<C> {
  return error instanceof PylonDbError && (code === undefined || error.code === code);
}
