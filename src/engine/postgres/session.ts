import type { PoolClient, QueryArrayConfig, QueryArrayResult } from 'pg';
import { type QueryEvent, reportQuery } from '../engine.js';
import { type RawResult, setColumn } from '../kysely-connection.js';
import type { Ask } from './ask.js';
import {
  Batch,
  BatchFailure,
  type Prepared,
  type Statement,
  type StatementResult,
} from './batch.js';
import { CopyIn } from './copy-in.js';
import { nameMissingRight } from './missing-right.js';
import { RowStream } from './row-stream.js';
import { withoutSecrets } from './server-error.js';
import { pidOf, type ServerProcesses } from './server-processes.js';
import { breakWhenSilent, type Watch } from './silence.js';
import { exactValue, type WireValue } from './values.js';

/** SQL for the schema that comes first in the search path, as an oid of a namespace. */
export const CURRENT_SCHEMA =
  'pg_catalog.to_regnamespace(pg_catalog.quote_ident(current_schema()))';

/** Asks by the extended protocol, which takes one statement only; the driver's types lack it. */
interface ExtendedQuery extends QueryArrayConfig<unknown[]> {
  readonly queryMode: 'extended';
}

/** What a statement gave, as the server writes it. */
export interface TextResult {
  readonly columns: readonly { readonly name: string; readonly typeOid: number }[];
  readonly rows: readonly (string | null)[][];
}

type OnQuery = ((event: QueryEvent) => void) | undefined;

/** What the sessions of a pool have in common. */
export interface SessionProps {
  readonly onQuery: OnQuery;
  readonly ask: Ask;
  readonly processes: ServerProcesses;
  /** How long the server may say nothing, in ms, before it is asked whether it works. */
  readonly answerTimeoutMs: number;
}

/** One connection to a server and what it has prepared. One call at a time. */
export class Session {
  readonly #client: PoolClient;
  readonly #onQuery: OnQuery;
  readonly #ask: Ask;
  readonly #watch: Watch;
  readonly #prepared: Prepared = new Map();
  #isSpoilt = false;

  constructor(client: PoolClient, { onQuery, ask, processes, answerTimeoutMs }: SessionProps) {
    this.#client = client;
    this.#ask = ask;
    this.#onQuery = onQuery;
    this.#watch = {
      limitMs: answerTimeoutMs,
      isAtWork: async (isSilent) => {
        const pid = this.serverPid;
        return pid !== undefined && (await processes.isAtWork(pid, isSilent));
      },
    };
  }

  /** The server's process that serves this connection; `undefined` where it reports none. */
  get serverPid(): number | undefined {
    return pidOf(this.#client);
  }

  /** Runs statements in one round trip. Throws {@link BatchFailure}. */
  async run(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    const start = performance.now();
    const answered = this.#awaitAnswer();
    try {
      const results = await this.#client.query(this.#batch(statements)).done;
      this.#reportQuery(statements, start, undefined);
      return results;
    } catch (failure) {
      this.#reportQuery(statements, start, failure);
      const failed = failure instanceof BatchFailure ? statements[failure.index] : undefined;
      await nameMissingRight(failure, failed?.sql ?? '', this.#ask);
      throw failure;
    } finally {
      answered();
    }
  }

  /** Whether it is known that every row of a statement can be read. */
  canRead({ name }: Statement): boolean {
    return this.#prepared.get(name)?.isReadable === true;
  }

  /**
   * Runs one ad-hoc statement, and refuses several in one text. Throws what the server says, and
   * `OUT_OF_RANGE` for an integer that a JavaScript number can't hold; see {@link exactValue}.
   */
  async raw(sql: string, parameters: readonly unknown[]): Promise<RawResult> {
    const start = performance.now();
    const answered = this.#awaitAnswer();
    try {
      const query: QueryArrayConfig<unknown[]> & { readonly queryMode: 'extended' } = {
        // Else a text without parameters may hold a COMMIT behind its first statement.
        queryMode: 'extended',
        text: sql,
        values: [...parameters],
        rowMode: 'array',
      };
      const result = await this.#client.query<unknown[], unknown[]>(query);
      reportQuery(this.#onQuery, { sql, durationMs: performance.now() - start });
      return toRawResult(result);
    } catch (error) {
      const durationMs = performance.now() - start;
      reportQuery(this.#onQuery, { sql, durationMs, error: withoutSecrets(error) });
      await nameMissingRight(error, sql, this.#ask);
      throw error;
    } finally {
      answered();
    }
  }

  /** Runs one statement and gives its values unread. Throws what the server says. */
  async texts(sql: string, parameters: readonly WireValue[]): Promise<TextResult> {
    const query: ExtendedQuery = {
      text: sql,
      values: [...parameters],
      rowMode: 'array',
      queryMode: 'extended',
      types: { getTypeParser: () => (text: string) => text },
    };
    const answered = this.#awaitAnswer();
    try {
      const { fields, rows } = await this.#client.query<(string | null)[], unknown[]>(query);
      return {
        columns: fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID })),
        rows,
      };
    } catch (error) {
      await nameMissingRight(error, sql, this.#ask);
      throw error;
    } finally {
      answered();
    }
  }

  /** Runs one statement and gives its rows as they come; nothing else runs until they are read. */
  rowsOf(sql: string, parameters: readonly WireValue[] = []): RowStream {
    return this.#client.query(new RowStream(sql, parameters));
  }

  /** Begins a `COPY … FROM STDIN`; nothing else runs until it ends. */
  copyIn(sql: string): CopyIn {
    return this.#client.query(new CopyIn(sql));
  }

  /** Whether it must be closed instead of being used again. */
  get isSpoilt(): boolean {
    return this.#isSpoilt || isInTransaction(this.#client);
  }

  /** Lets nobody use the connection again: what it was asked to stop may still reach it. */
  spoil(): void {
    this.#isSpoilt = true;
  }

  /** Breaks the connection: nobody answers there. Who waits for an answer gets none. */
  break(): void {
    this.#client.connection.stream.destroy(new Error('nobody answers'));
  }

  /** Forgets what is prepared: a pooler gave the connection to another server, or tables changed. */
  forget(): void {
    this.#prepared.clear();
  }

  /** Watches for the answer to what is sent next, until the function that it gives is called. */
  #awaitAnswer(): () => void {
    return breakWhenSilent(this.#client.connection.stream, this.#watch);
  }

  #batch(statements: readonly Statement[]): Batch {
    return new Batch(statements, this.#prepared, (oid) => this.#client.getTypeParser(oid, 'text'));
  }

  #reportQuery(statements: readonly Statement[], start: number, failure: unknown): void {
    if (this.#onQuery === undefined) return;
    const durationMs = performance.now() - start;
    for (const [i, { sql, own = '' }] of statements.entries()) {
      const failed = failure instanceof BatchFailure && failure.index === i;
      reportQuery(this.#onQuery, {
        ...(own === '' ? {} : { operation: own }),
        sql,
        durationMs,
        ...(failed ? { error: withoutSecrets(failure.cause) } : {}),
      });
    }
  }
}

/** What was left open must not leak into the next caller's work. */
function isInTransaction(client: PoolClient): boolean {
  const status = client.getTransactionStatus();
  return status !== null && status !== 'I';
}

const WRITES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

function toRawResult(result: QueryArrayResult<unknown[]>): RawResult {
  const rows = result.rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [i, { name, dataTypeID }] of result.fields.entries()) {
      setColumn(row, name, exactValue(values[i], dataTypeID, name));
    }
    return row;
  });
  if (!WRITES.has(result.command)) return { rows };
  return { rows, changes: BigInt(result.rowCount ?? 0) };
}
