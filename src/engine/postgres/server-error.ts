/** A right that the role lacks. */
export interface MissingRight {
  /** Who lacks which right on what, and the SQL that grants it. */
  readonly problem: string;
  /** Whether it is one that reading needs. */
  readonly isToRead: boolean;
}

/** What the server says of a failure. Its `detail` and `where` quote rows, so they stay here. */
export interface ServerError extends Error {
  /** SQLSTATE. */
  readonly code: string;
  readonly severity: string;
  readonly constraint?: string;
  /** The table of a constraint. */
  readonly table?: string;
  /** What the role lacks, where it was asked for; see `nameMissingRight`. */
  missingRight?: MissingRight | undefined;
  /** The function of the server's that reported it: the same in every language. */
  readonly routine?: string;
}

/** Whether the server said it, and not the driver or the network. */
export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    'severity' in error &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

/**
 * Classes of SQLSTATE whose message names objects of the schema, states and settings. In others it
 * may quote a value (22, 23), or what a trigger says of a row (P0, and codes of its own).
 */
const TELLS_NO_VALUE = /^(?:0[18A]|2[5-8BD]|3[4BDF]|4[02]|5[3-8]|XX)/;

/** The server's function by which triggers raise errors: they may choose any SQLSTATE. */
const RAISE = 'exec_stmt_raise';

/** The message of the server where it can't quote a value, and else its SQLSTATE. */
export function messageWithoutValues(error: ServerError): string {
  const { code, message, routine, missingRight } = error;
  if (missingRight !== undefined) return missingRight.problem;
  return TELLS_NO_VALUE.test(code) && routine !== RAISE ? message : `SQLSTATE ${code}`;
}

/**
 * An error as errors and events may show it: without `detail`, `where` and messages that quote a row
 * or a value, and without the driver's connection, which knows the password.
 */
export function withoutSecrets(error: unknown): unknown {
  if (isServerError(error)) {
    const { code, severity, constraint } = error;
    return Object.assign(new Error(messageWithoutValues(error)), {
      code,
      severity,
      ...(constraint === undefined ? {} : { constraint }),
    });
  }
  if (!(error instanceof Error)) return error;
  const code: unknown = Reflect.get(error, 'code');
  return Object.assign(sameKind(error), typeof code === 'string' ? { code } : {});
}

function sameKind(error: Error): Error {
  if (error instanceof TypeError) return new TypeError(error.message);
  if (error instanceof RangeError) return new RangeError(error.message);
  return new Error(messageOf(error));
}

/** A host with several addresses fails with a list of errors, and no message of its own. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  return error.errors.map((one) => (one instanceof Error ? one.message : '')).join('; ');
}
