import { setImmediate as nextTurn } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openReader } from '../../engine/sqlite/open.js';
import { toQueryError } from '../../engine/sqlite/sqlite-errors.js';
import { killedAfter, rowSize } from './limits.js';
import { bindParameters, type QueryParameters } from './parameters.js';
import {
  prepareQuestion,
  type QueryValue,
  type ReadStatement,
  wouldWrite,
} from './read-statement.js';

/** What the child needs to know. */
export interface QueryInput {
  /** The database's absolute path. */
  readonly path: string;
  readonly sql: string;
  readonly parameters: QueryParameters;
  /** Gives the plan instead of the rows. */
  readonly explain: boolean;
  readonly maxRows: number;
  /** Of values, not of their text: see `rowSize`. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly busyTimeoutMs: number;
}

/** What comes while the query runs: its columns once, then its rows. */
export type QueryReport =
  | { readonly kind: 'columns'; readonly names: readonly string[] }
  | { readonly kind: 'rows'; readonly rows: readonly QueryValue[][] };

/** How a query ended. */
export interface QueryEnd {
  readonly rows: number;
  /** The cap that cut it, if there was more. */
  readonly cut?: 'rows' | 'bytes';
}

/** A report is sent when it holds so many bytes: few messages, little memory. */
const BATCH_BYTES = 256 * 1024;

/** … or after so many ms, so that a slow query shows what it has. */
const BATCH_MS = 100;

/** Runs one question and reports its rows. The process dies at the deadline. */
export async function query(
  input: QueryInput,
  report: (report: QueryReport) => void,
): Promise<QueryEnd> {
  const { path, busyTimeoutMs } = input;
  try {
    const db = await openReader({ path, durability: 'normal', busyTimeoutMs });
    try {
      db.pragma('query_only = 1');
      return await killedAfter(input.timeoutMs, () => run(db, input, report));
    } finally {
      db.close();
    }
  } catch (error) {
    throw toQueryError(isRefusedWrite(error) ? wouldWrite() : error, path);
  }
}

export type QueryTask = { readonly name: 'query'; readonly task: typeof query };

async function run(
  db: Database.Database,
  input: QueryInput,
  report: (report: QueryReport) => void,
): Promise<QueryEnd> {
  // One state of the file: the columns stay those of the rows, whatever another process alters.
  db.exec('begin; select 1 from sqlite_master');
  const question = prepare(db, input);
  report({ kind: 'columns', names: question.columns().map(({ name }) => name) });
  return await reportRows(question, input, report);
}

function prepare(db: Database.Database, { sql, explain, parameters }: QueryInput): ReadStatement {
  const question = prepareQuestion(db, sql);
  bindParameters(db, sql, question, parameters);
  if (!explain) return question;
  const plan = `explain query plan ${sql}`;
  const explained = db.prepare<[], QueryValue[]>(plan).raw().safeIntegers();
  bindParameters(db, plan, explained, parameters);
  return explained;
}

async function reportRows(
  question: ReadStatement,
  { maxRows, maxBytes }: QueryInput,
  report: (report: QueryReport) => void,
): Promise<QueryEnd> {
  let batch: QueryValue[][] = [];
  let batchBytes = 0;
  let lastReport = performance.now();
  let rows = 0;
  let bytes = 0;
  const flush = async () => {
    if (batch.length > 0) report({ kind: 'rows', rows: batch });
    batch = [];
    batchBytes = 0;
    // Else all messages would wait in memory for the end.
    await nextTurn();
    lastReport = performance.now();
  };
  for (const row of question.iterate()) {
    const size = rowSize(row);
    const cut = rows === maxRows ? 'rows' : bytes + size > maxBytes ? 'bytes' : undefined;
    if (cut !== undefined) {
      await flush();
      return { rows, cut };
    }
    batch.push(row);
    rows += 1;
    bytes += size;
    batchBytes += size;
    if (batchBytes >= BATCH_BYTES || performance.now() - lastReport >= BATCH_MS) await flush();
  }
  await flush();
  return { rows };
}

/** A function or virtual table that tried to write. */
function isRefusedWrite(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code === 'SQLITE_READONLY';
}
