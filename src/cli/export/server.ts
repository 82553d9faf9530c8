import type { OnProgress } from '../../backup/progress.js';
import type { Session } from '../../engine/postgres/session.js';
import { PylonDbError } from '../../errors.js';
import { refusedWrite } from '../query/server.js';
import { serverQuestion } from '../query/server-read-statement.js';
import { withServer } from '../shell/server.js';
import { type StreamOptions, writeChunks } from './chunks.js';
import type { ExportProps } from './parts.js';
import { serverParts, serverTablesTogether } from './server-parts.js';
import { type WrittenPart, writePart } from './task.js';

/** Exports one state of a server to whoever reads; like `exportToStream`. */
export async function exportServerToStream(
  url: string,
  props: ExportProps,
  { together, sink, onRows }: StreamOptions,
): Promise<number> {
  return await withServerSnapshot(url, props, async (session) => {
    const parts = await serverParts(session, props);
    let total = 0;
    for (const part of parts) total += await part.total();
    const chunks = together ? serverTablesTogether(session, props) : parts[0]?.chunks();
    return await writeChunks(chunks ?? [], sink, (done) => onRows(done, total));
  });
}

/** Writes and syncs the files of an export of one state of a server. Throws `ABORTED`. */
export async function exportServerFiles(
  url: string,
  props: ExportProps,
  files: readonly string[],
  { onProgress, signal }: { readonly onProgress: OnProgress; readonly signal: AbortSignal },
): Promise<WrittenPart[]> {
  return await withServerSnapshot(url, props, async (session, cancel) => {
    const onAbort = () => void cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const written: WrittenPart[] = [];
      for (const [i, part] of (await serverParts(session, props)).entries()) {
        written.push(
          await writePart(part, files[i] ?? '', (progress) => {
            signal.throwIfAborted();
            onProgress(progress);
          }),
        );
      }
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
async function withServerSnapshot<Result>(
  url: string,
  { selection }: ExportProps,
  work: (session: Session, cancel: () => Promise<void>) => Promise<Result>,
): Promise<Result> {
  return await withServer(url, 'read', (pool) =>
    pool.withSession(async (session) => {
      try {
        for (const sql of [
          'begin transaction isolation level repeatable read read only',
          'set local statement_timeout = 0',
          'set local idle_in_transaction_session_timeout = 0',
          // The text of a query was read by these rules.
          'set local standard_conforming_strings = on',
          'set local bytea_output = hex',
        ]) {
          await session.texts(sql, []);
        }
        return await work(session, () => pool.cancel(session));
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

function stopped(): PylonDbError<'ABORTED'> {
  return new PylonDbError(
    'ABORTED',
    'it was stopped before its end',
    {},
    { hint: 'Run it again.' },
  );
}
