import type { DatabasePlace } from '../../named-database.js';
import { type StreamOptions, writeChunks } from './chunks.js';
import { type ExportProps, exportParts, inOneText, whoseSql } from './parts.js';
import { withSnapshot } from './snapshot.js';

/**
 * Exports to whoever reads: one table or query, or with `together` several tables in one text.
 * Gives the number of rows; stops early when `sink` gives `false`. Throws what reading throws.
 */
export async function exportToStream(
  { path, serverUrl, readFrom }: DatabasePlace,
  props: ExportProps,
  options: StreamOptions,
): Promise<number> {
  if (serverUrl !== undefined) {
    const { exportServerToStream } = await import('./server.js');
    return await exportServerToStream(serverUrl, props, options);
  }
  return await withSnapshot(
    readFrom ?? path,
    async (db) => {
      const parts = exportParts(db, props);
      const total = parts.reduce((sum, part) => sum + part.total(), 0);
      const [first] = parts;
      const chunks = options.together ? inOneText(db, props) : first?.chunks();
      return await writeChunks(chunks ?? [], options.sink, (done) => options.onRows(done, total));
    },
    whoseSql(props),
  );
}
