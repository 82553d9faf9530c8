import { PylonDbError } from '../errors.js';
import { type SqlWord, sqlTokens } from '../schema/sql-tokens.js';
import type { RawRunner } from './kysely-connection.js';
import { SqlCache } from './sql-cache.js';

/** Why an ad-hoc statement can't be sent, and a way to what its author may want. */
export interface Refusal {
  readonly problem: string;
  readonly hint: string;
}

/** What the words of an ad-hoc statement say, before a database has seen it. */
export interface RawStatement {
  /**
   * Whether it only asks. `perhaps` leaves it to the database; `of the writer` says that it asks for
   * settings, which are those of the connection that writes where there is one.
   */
  readonly asks: 'yes' | 'of the writer' | 'perhaps' | 'no';
  /** Why nobody may send it. */
  readonly refusal?: Refusal | undefined;
  /** Why nobody may send it outside of a transaction. */
  readonly outsideRefusal?: Refusal | undefined;
}

/** Reads each distinct ad-hoc statement once. */
export class RawStatements {
  readonly #read: (sql: string) => RawStatement;
  readonly #known = new SqlCache<RawStatement>();

  constructor(read: (sql: string) => RawStatement) {
    this.#read = read;
  }

  of(sql: string): RawStatement {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    const statement = this.#read(sql);
    this.#known.add(sql, statement);
    return statement;
  }

  /** An open transaction that refuses what may not be sent through `tx.kysely`. */
  checked(tx: RawRunner): RawRunner {
    return {
      raw: (sql, parameters, nodeKind) => {
        assertAllowed(this.of(sql), 'tx.kysely');
        return tx.raw(sql, parameters, nodeKind);
      },
    };
  }
}

/** Throws `NOT_SUPPORTED` for a statement that would break the services' promises. */
export function assertAllowed(
  { refusal, outsideRefusal }: RawStatement,
  handle: 'db.kysely' | 'tx.kysely',
  operation: string = handle,
): void {
  const refused = refusal ?? (handle === 'db.kysely' ? outsideRefusal : undefined);
  if (refused !== undefined) throw notSupported(refused, operation);
}

/**
 * Throws what `assertAllowed` throws, but not before the query builder has linked its promises:
 * then the stack reaches the caller.
 */
export async function assertAllowedNextTurn(statement: RawStatement): Promise<void> {
  try {
    assertAllowed(statement, 'db.kysely');
  } catch (error) {
    await new Promise((resolve) => setImmediate(resolve));
    throw error;
  }
}

/** The first keyword of a statement, in upper case; `''` when it begins with none. */
export function firstKeyword(sql: string): string {
  return keywordOf(sqlTokens(sql));
}

/** The keyword behind any semicolons, in upper case; `''` when something else is there. */
export function keywordOf(tokens: Iterable<SqlWord>): string {
  for (const { kind, text } of tokens) {
    if (text !== ';') return kind === 'word' ? text.toUpperCase() : '';
  }
  return '';
}

/**
 * Throws `NOT_SUPPORTED` for SQL that would open, end or escape a transaction behind the queue's
 * back, or that would hold for one of the connections only.
 */
export function refuseTransactionControl(sql: string): void {
  const refusal = transactionControl(firstKeyword(sql));
  if (refusal !== undefined) throw notSupported(refusal, '');
}

const TRANSACTIONS = 'Use db.transaction(async tx => …): it owns BEGIN, COMMIT and ROLLBACK.';
const OTHER_FILES = 'Open the other file with a PylonDb of its own, and join in your program.';
const SETTINGS =
  'It would hold for one of several connections. Put settings in the URL (?options=-c…) or on the role.';
const SESSIONS =
  'It would hold for one of several connections. Use a connection of your own for it.';

const CONTROL_HINTS: Readonly<Record<string, string>> = {
  BEGIN: TRANSACTIONS,
  COMMIT: TRANSACTIONS,
  END: TRANSACTIONS,
  ROLLBACK: TRANSACTIONS,
  SAVEPOINT: TRANSACTIONS,
  RELEASE: TRANSACTIONS,
  START: TRANSACTIONS,
  ABORT: TRANSACTIONS,
  ATTACH: OTHER_FILES,
  DETACH: OTHER_FILES,
  SET: SETTINGS,
  RESET: SETTINGS,
  DISCARD: SETTINGS,
  LISTEN: SESSIONS,
  PREPARE: SESSIONS,
  DEALLOCATE: SESSIONS,
};

/** Why a statement that begins with `keyword` would reach beyond its transaction. */
export function transactionControl(keyword: string): Refusal | undefined {
  if (!Object.hasOwn(CONTROL_HINTS, keyword)) return undefined;
  return {
    problem: `${keyword} can't be sent as a query`,
    hint: CONTROL_HINTS[keyword] ?? TRANSACTIONS,
  };
}

function notSupported(
  { problem, hint }: Refusal,
  operation: string,
): PylonDbError<'NOT_SUPPORTED'> {
  return new PylonDbError('NOT_SUPPORTED', problem, {}, { operation, hint });
}

/** Statements that the builder made and that can share a transaction with others. */
const SHARING_NODES = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode']);

/** Whether a statement must have the connection for itself: raw SQL, DDL. */
export function isStandAlone(nodeKind: string): boolean {
  return !SHARING_NODES.has(nodeKind);
}
