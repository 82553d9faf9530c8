import type { OnProgress } from '../../backup/progress.js';
import type { RowStream } from '../../engine/postgres/row-stream.js';
import type { Session } from '../../engine/postgres/session.js';
import { quoted } from '../../schema/tables.js';
import { refusedWrite, stopped } from '../query/server.js';
import { serverQuestion } from '../query/server-read-statement.js';
import { toQueryValue } from '../query/server-values.js';
import { beginSnapshot, QUESTION_SETTINGS, withServer } from '../shell/server.js';
import { serverRows } from '../shell/server-rows.js';
import { readInStoredOrder, storedOrder } from '../shell/stored-order.js';
import {
  type ExportProps,
  type ExportSource,
  type ReadRows,
  type TableRows,
  timeColumnOf,
} from './parts.js';
import { type WrittenPart, writeParts } from './task.js';

/** Writes and syncs the files of an export of one state of a server. Throws `ABORTED`. */
export async function exportServerFiles(
  url: string,
  props: ExportProps,
  files: readonly string[],
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<WrittenPart[]> {
  return await withServerSnapshot(url, props, async (source, cancel) => {
    const onAbort = () => void cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const written = await writeParts(source, props, files, (progress) => {
        signal.throwIfAborted();
        onProgress(progress);
      });
      signal.throwIfAborted();
      return written;
    } catch (error) {
      throw signal.aborted ? stopped() : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  });
}

/** Runs `work` in a transaction that sees one state of the server and can't write. */
export async function withServerSnapshot<Result>(
  url: string,
  { selection }: ExportProps,
  work: (source: ExportSource, cancel: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  return await withServer(url, 'read', (pool) =>
    pool.withSession(async (session) => {
      try {
        await beginSnapshot(session, 0, QUESTION_SETTINGS);
        if ('tables' in selection) await readInStoredOrder(session);
        return await work(serverSource(session), () => pool.cancel(session));
      } catch (error) {
        const written =
          'sql' in selection ? refusedWrite(error, serverQuestion(selection.sql, {})) : undefined;
        throw written ?? error;
      } finally {
        // The connection is closed, and with it what it was still sending.
        session.spoil();
      }
    }),
  );
}

function serverSource(session: Session): ExportSource {
  return {
    columnsOf: serverRows(session).columnsOf,
    count: async (rows) => {
      const counted = await session.texts(`select count(*) ${from(rows)}`, bound(rows));
      return Number(counted.rows[0]?.[0] ?? 0);
    },
    rows: (rows) => {
      const columns = rows.columns.map(quoted).join(', ');
      const sql = `select ${columns} ${from(rows)} ${storedOrder(rows.table)}`;
      return asValues(session.rowsOf(sql, bound(rows)));
    },
    question: (source) => {
      const { sql, values } = serverQuestion(source, {});
      return () => asValues(session.rowsOf(sql, values));
    },
  };
}

function asValues(stream: RowStream): ReadRows {
  async function* lists() {
    const types = await stream.columns;
    for await (const rows of stream) {
      yield rows.map((row) => row.map((text, i) => toQueryValue(text, types[i]?.typeOid ?? 0)));
    }
  }
  return {
    columns: stream.columns.then((columns) => columns.map(({ name }) => name)),
    lists: lists(),
  };
}

function from({ table, since }: TableRows): string {
  return `from ${table} ${since === undefined ? '' : `where ${timeColumnOf(table)} >= $1`}`;
}

function bound({ since }: TableRows): string[] {
  return since === undefined ? [] : [String(since)];
}
