import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPool } from '../../engine/postgres/pool.js';
import type { Session, TextResult } from '../../engine/postgres/session.js';
import { PylonDbError } from '../../errors.js';
import { beginSnapshot, QUESTION_SETTINGS, withServer } from '../shell/server.js';
import { queryTimeout, rowSize } from './limits.js';
import { type QueryValue, wouldWrite } from './read-statement.js';
import { type ServerQuestion, serverQuestion } from './server-read-statement.js';
import { toQueryValue } from './server-values.js';
import type { QueryEnd, QueryInput, QueryReport } from './task.js';

/** What a server is asked. */
export interface ServerQueryInput extends Omit<QueryInput, 'path' | 'busyTimeoutMs'> {
  /** The server's URL, which holds its password. */
  readonly url: string;
}

interface Listener {
  readonly onReport: (report: QueryReport) => void;
  /** Ends the query, which then throws `ABORTED`. */
  readonly signal?: AbortSignal;
}

/**
 * Asks a server one SELECT, WITH or VALUES in a transaction that can't write, and reports columns
 * and rows as a cursor gives them. Throws `INVALID_ARGUMENT` for anything else, `TIMEOUT` when it
 * took longer than `timeoutMs`, and `ABORTED` when `signal` fired.
 */
export async function queryServer(input: ServerQueryInput, listener: Listener): Promise<QueryEnd> {
  const question = serverQuestion(input.sql, input.parameters);
  return await withServer(input.url, 'ask', (pool) =>
    pool.withSession((session) =>
      endedBy(session, pool, input.timeoutMs, listener.signal, async () => {
        try {
          await beginSnapshot(session, input.timeoutMs, QUESTION_SETTINGS);
          return await answer(session, question, input, listener);
        } catch (error) {
          throw refusedWrite(error, question) ?? error;
        } finally {
          // The connection is closed, and with it all that it began.
          session.spoil();
        }
      }),
    ),
  );
}

async function answer(
  session: Session,
  { sql, values }: ServerQuestion,
  input: ServerQueryInput,
  { onReport }: Listener,
): Promise<QueryEnd> {
  await session.texts(`declare pylon_db_query no scroll cursor for ${sql}`, values);
  const rows = new RowReporter(input, onReport);
  if (input.explain) {
    // What may not be asked was refused by the cursor.
    rows.add(await session.texts(`explain ${sql}`, values));
    return rows.end();
  }
  for (;;) {
    const wanted = rows.nextFetch();
    const fetched = await session.texts(`fetch forward ${wanted} from pylon_db_query`, []);
    const isFull = rows.add(fetched);
    if (isFull || fetched.rows.length < wanted) return rows.end();
  }
}

/** Rows of one fetch hold about so many bytes: few round trips, little memory. */
const FETCH_BYTES = 1024 * 1024;

/** … and are at most so many: small rows weigh more than their values. */
const FETCH_ROWS = 5000;

/** Counts rows against the caps and hands them on. */
class RowReporter {
  readonly #caps: Pick<QueryInput, 'maxRows' | 'maxBytes'>;
  readonly #onReport: Listener['onReport'];
  #rows = 0;
  #bytes = 0;
  #largest = 0;
  #lastFetch = 0;
  #cut: QueryEnd['cut'];
  #hasColumns = false;

  constructor(caps: Pick<QueryInput, 'maxRows' | 'maxBytes'>, onReport: Listener['onReport']) {
    this.#caps = caps;
    this.#onReport = onReport;
  }

  /** How many rows to fetch next: nothing is known of the first, and one more shows that the result was cut. */
  nextFetch(): number {
    const fitting = Math.floor(FETCH_BYTES / Math.max(1, this.#largest));
    const left = this.#caps.maxRows - this.#rows + 1;
    // A few rows say little of those behind them.
    this.#lastFetch = Math.max(
      1,
      Math.min(fitting, FETCH_ROWS, left, Math.max(1, this.#lastFetch * 4)),
    );
    return this.#lastFetch;
  }

  /** Reports rows, and gives whether a cap was met. */
  add({ columns, rows }: TextResult): boolean {
    if (!this.#hasColumns) {
      this.#onReport({ kind: 'columns', names: columns.map(({ name }) => name) });
      this.#hasColumns = true;
    }
    const kept: QueryValue[][] = [];
    for (const texts of rows) {
      const row = texts.map((text, i) => toQueryValue(text, columns[i]?.typeOid ?? 0));
      const size = rowSize(row);
      if (this.#rows === this.#caps.maxRows) this.#cut = 'rows';
      else if (this.#bytes + size > this.#caps.maxBytes) this.#cut = 'bytes';
      if (this.#cut !== undefined) break;
      kept.push(row);
      this.#rows += 1;
      this.#bytes += size;
      this.#largest = Math.max(this.#largest, size);
    }
    if (kept.length > 0) this.#onReport({ kind: 'rows', rows: kept });
    return this.#cut !== undefined;
  }

  end(): QueryEnd {
    return this.#cut === undefined ? { rows: this.#rows } : { rows: this.#rows, cut: this.#cut };
  }
}

/** How long the server may take to hear that a query is to be stopped, in ms. */
const CANCEL_MS = 1000;

/** Gives what `work` gives; or stops it on the server when the time is over or `signal` fires. */
async function endedBy<Result>(
  session: Session,
  pool: SessionPool,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  const settled = new AbortController();
  const start = performance.now();
  const stop = async (error: PylonDbError): Promise<never> => {
    session.spoil();
    await Promise.race([pool.cancel(session), sleep(CANCEL_MS, undefined)]);
    throw error;
  };
  const expired = sleep(timeoutMs, undefined, { signal: settled.signal }).then(
    () => stop(queryTimeout(timeoutMs)),
    () => new Promise<never>(() => {}),
  );
  const unwanted = new Promise<never>((_, reject) => {
    const abort = () => void stop(stopped()).catch(reject);
    signal?.addEventListener('abort', abort, { once: true, signal: settled.signal });
    if (signal?.aborted === true) abort();
  });
  const working = work();
  try {
    return await Promise.race([working, expired, unwanted]);
  } catch (error) {
    // The server's own clock may be the first to ring.
    const isLate = performance.now() - start >= timeoutMs;
    throw isLate && codeOf(error) === QUERY_CANCELED ? queryTimeout(timeoutMs) : error;
  } finally {
    settled.abort();
    working.catch(() => {});
  }
}

/** For who asked that it end. */
export function stopped(): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { hint: 'Run it again.' },
  );
}

const QUERY_CANCELED = '57014';
const READ_ONLY_TRANSACTION = '25006';
/** Also of SELECT … INTO, which a cursor doesn't take; INTO is a word of nothing else. */
const SYNTAX_ERROR = '42601';
/** Also of a WITH that writes: a cursor takes none. */
const FEATURE_NOT_SUPPORTED = '0A000';

const WRITES = ['insert', 'update', 'delete', 'merge'];

/** What the server said against a statement that would write, in the words of every database. */
export function refusedWrite(error: unknown, { words }: ServerQuestion): PylonDbError | undefined {
  const code = codeOf(error);
  const isWrite =
    code === READ_ONLY_TRANSACTION ||
    (code === SYNTAX_ERROR && words.has('into')) ||
    (code === FEATURE_NOT_SUPPORTED && WRITES.some((word) => words.has(word)));
  return isWrite ? wouldWrite() : undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
