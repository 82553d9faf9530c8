import { migrations } from '../../migrations/index.js';
import { type CopyProps, type CopyReport, copyDatabase } from '../../src/cli/copy/copy.js';
import { EXPORT_FORMATS, EXPORT_TABLES, type ExportProps } from '../../src/cli/export/parts.js';
import { exportToStream } from '../../src/cli/export/to-stream.js';
import { isServerUrl, shownUrl } from '../../src/database-url.js';
import type { DatabasePlace } from '../../src/named-database.js';

/** Where a path or URL leads. */
export function placeOf(database: string): DatabasePlace {
  return isServerUrl(database)
    ? { path: shownUrl(database), serverUrl: database }
    : { path: database, serverUrl: undefined };
}

/** Copies without anybody watching. */
export async function copy(
  from: string,
  to: string,
  props: Partial<CopyProps> = {},
): Promise<CopyReport> {
  return await copyDatabase(placeOf(from), placeOf(to), {
    onProgress: () => {},
    signal: new AbortController().signal,
    publishedOnly: false,
    list: migrations,
    ...props,
  });
}

/** What an export to a reader gives. */
export async function exportOf(
  database: string,
  props: ExportProps,
  together = false,
): Promise<string> {
  const pieces: Buffer[] = [];
  await exportToStream(placeOf(database), props, {
    together,
    sink: (data) => pieces.push(Buffer.from(data)) > 0,
    onRows: () => {},
  });
  return Buffer.concat(pieces).toString('latin1');
}

/** Every export of tables that there is, preimages included or not. */
export async function allExports(database: string): Promise<Record<string, string>> {
  const exports: Record<string, string> = {};
  for (const format of EXPORT_FORMATS) {
    for (const includeSecrets of [true, false]) {
      for (const table of EXPORT_TABLES) {
        const props = { selection: { tables: [table] }, format, includeSecrets };
        exports[`${table} ${format} ${includeSecrets}`] = await exportOf(database, props);
      }
      if (format === 'csv') continue;
      const props = { selection: { tables: EXPORT_TABLES }, format, includeSecrets };
      exports[`all ${format} ${includeSecrets}`] = await exportOf(database, props, true);
    }
  }
  return exports;
}
