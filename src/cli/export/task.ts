import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { fileProblem } from '../../backup/file-problem.js';
import type { Progress } from '../../backup/progress.js';
import { writeChunks } from './chunks.js';
import {
  type ExportPart,
  type ExportProps,
  type ExportSource,
  type ExportTable,
  exportParts,
} from './parts.js';
import { withFileSource } from './table-rows.js';

/** What the child needs to know. */
export interface ExportInput extends ExportProps {
  /** The database's absolute path. */
  readonly path: string;
  /** Empty files, one a part, in the order of the parts. */
  readonly files: readonly string[];
}

/** What one file holds. */
export interface WrittenPart {
  /** `undefined` for a query. */
  readonly table: ExportTable | undefined;
  readonly rows: number;
  readonly bytes: number;
}

/** Writes and syncs the files of an export, all from one state of a file. Throws `DISK_FULL`. */
export async function exportFiles(
  input: ExportInput,
  report: (progress: Progress) => void,
): Promise<WrittenPart[]> {
  return await withFileSource(input.path, input, (source) =>
    writeParts(source, input, input.files, report),
  );
}

export type ExportTask = { readonly name: 'export'; readonly task: typeof exportFiles };

/** Writes and syncs a file for each part. Throws `DISK_FULL`, and what reading throws. */
export async function writeParts(
  source: ExportSource,
  props: ExportProps,
  files: readonly string[],
  report: (progress: Progress) => void,
): Promise<WrittenPart[]> {
  const written: WrittenPart[] = [];
  for (const [i, part] of exportParts(source, props).entries()) {
    written.push(await writePart(part, files[i] ?? '', report));
  }
  return written;
}

async function writePart(
  { table, total, chunks }: ExportPart,
  file: string,
  report: (progress: Progress) => void,
): Promise<WrittenPart> {
  const expected = await total();
  const step = table ?? 'query';
  const fd = openSync(file, 'r+');
  try {
    let bytes = 0;
    const write = (data: string | Uint8Array) => {
      writeFileSync(fd, data);
      bytes += Buffer.byteLength(data);
      return true;
    };
    const rows = await writeChunks(chunks(), write, (done) =>
      report({ step, done, total: expected, unit: 'rows' }),
    );
    fsyncSync(fd);
    return { table, rows, bytes };
  } catch (error) {
    throw fileProblem(error, file);
  } finally {
    closeSync(fd);
  }
}
