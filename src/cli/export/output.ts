import { formatBytes } from '../../engine/sqlite/room.js';
import { untilInterrupted } from '../shell/interruption.js';
import type { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import type { Settings } from '../shell/settings.js';
import { visibleJson, visibleLines } from '../shell/terminal-text.js';
import { counted } from '../shell/units.js';
import type { Sink } from './chunks.js';
import { EXPORT_TABLES, type ExportProps, SECRET } from './parts.js';
import type { ExportedFile, ExportFileOptions } from './to-file.js';

/** Exports to stdout; ends quietly when its reader went away (`| head`). */
export async function printExport(
  settings: Settings,
  out: Output,
  props: ExportProps,
  together: boolean,
): Promise<void> {
  const { exportToStream } = await import('./to-stream.js');
  // A bar would be drawn between the rows.
  const quiet = settings.quiet || process.stdout.isTTY;
  await withProgressBar({ ...settings, quiet }, (onProgress) =>
    exportToStream(settings, props, {
      together,
      sink: stdoutFor(props),
      onRows: (done, total) => onProgress({ step: 'exporting', done, total, unit: 'rows' }),
    }),
  );
  noteSecrets(out, props);
}

/** Exports to a file, or all tables to a folder; nothing is left of one that fails. */
export async function writeExport(
  settings: Settings,
  out: Output,
  props: ExportProps,
  options: Pick<ExportFileOptions, 'destination' | 'force'> & { readonly all: boolean },
): Promise<void> {
  const { exportToFile, exportToFolder } = await import('./to-file.js');
  const { all, ...destination } = options;
  const files = await untilInterrupted((signal) =>
    withProgressBar(settings, async (onProgress) => {
      const how = { ...destination, onProgress, signal };
      if (!all) return [await exportToFile(settings, props, how)];
      return await exportToFolder(settings, { ...props, tables: EXPORT_TABLES }, how);
    }),
  );
  out.result({ format: props.format, files: files.map(fileAsJson) }, () =>
    files.map((file) => out.path(file.path)).join('\n'),
  );
  const sum = (of: (file: ExportedFile) => number) => files.reduce((all, f) => all + of(f), 0);
  out.note(
    `${counted(
      sum((f) => f.rows),
      'row',
    )}, ${formatBytes(sum((f) => f.bytes))}.`,
  );
  noteSecrets(out, props);
}

function fileAsJson({ path, table, rows, bytes }: ExportedFile) {
  return { path, table: table ?? null, rows, bytes };
}

function noteSecrets(out: Output, { selection, includeSecrets }: ExportProps): void {
  if (includeSecrets || !('tables' in selection) || !selection.tables.includes(SECRET.table))
    return;
  out.note('Preimages are left out; --include-secrets adds them.');
}

/** A file gets the values as they are; a terminal would obey them. */
function stdoutFor({ format }: ExportProps): Sink {
  if (!process.stdout.isTTY) return toStdout;
  const shown = format === 'csv' ? visibleLines : visibleJson;
  return (data) => toStdout(shown(Buffer.from(data).toString().replaceAll('\r\n', '\n')));
}

/** Waits until the reader has taken what it got. `main` reports errors other than a closed pipe. */
function toStdout(data: string | Uint8Array): boolean | Promise<boolean> {
  const { stdout } = process;
  if (!stdout.writable) return false;
  if (stdout.write(data)) return true;
  return new Promise((resolve) => {
    const settle = (goesOn: boolean) => () => {
      stdout.off('drain', drained).off('error', broken).off('close', broken);
      resolve(goesOn);
    };
    const drained = settle(true);
    const broken = settle(false);
    stdout.once('drain', drained).once('error', broken).once('close', broken);
  });
}
