import type { DatabasePlace } from '../../named-database.js';
import { type StreamOptions, writeChunks } from './chunks.js';
import { type ExportProps, type ExportSource, exportParts, inOneText } from './parts.js';
import { withFileSource } from './table-rows.js';

/**
 * Exports to whoever reads: one table or query, or with `together` several tables in one text.
 * Gives the number of rows; stops early when `sink` gives `false`. Throws what reading throws.
 */
export async function exportToStream(
  { path, serverUrl, readFrom }: DatabasePlace,
  props: ExportProps,
  { together, sink, onRows }: StreamOptions,
): Promise<number> {
  const write = async (source: ExportSource) => {
    const parts = exportParts(source, props);
    let total = 0;
    for (const part of parts) total += await part.total();
    const chunks = together ? inOneText(source, props) : parts[0]?.chunks();
    return await writeChunks(chunks ?? [], sink, (done) => onRows(done, total));
  };
  if (serverUrl === undefined) return await withFileSource(readFrom ?? path, props, write);
  const { withServerSnapshot } = await import('./server.js');
  return await withServerSnapshot(serverUrl, props, write);
}
