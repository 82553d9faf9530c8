import type { Command } from 'commander';
import type { BackupManifest } from '../../backup/manifest.js';
import { verifyBackup } from '../../backup/verify.js';
import { expandPath } from '../../engine/sqlite/database-file.js';
import { formatBytes } from '../../engine/sqlite/room.js';
import { examples } from '../shell/arguments.js';
import { untilInterrupted } from '../shell/interruption.js';
import { Output } from '../shell/output.js';
import { withProgressBar } from '../shell/progress-bar.js';
import { readSettings } from '../shell/settings.js';
import { fields } from '../shell/table.js';
import { formatCount, formatTime } from '../shell/units.js';
import { rowsToTell } from './text.js';

/** `pylon-db backup verify FILE`: reads a backup whole; exit code 4 when it can't be trusted. */
export function configure(command: Command): void {
  command
    .argument('<file>', 'a backup, with its manifest next to it')
    .addHelpText(
      'after',
      examples([
        ['pylon-db backup verify ~/.pylon/backups/pylon-….db', 'each byte, row count and index'],
        ['pylon-db backup verify copy.db --quiet || echo damaged', 'in scripts'],
      ]),
    )
    .action(async (file: string) => {
      const settings = readSettings(command);
      const path = expandPath(file);
      const manifest = await untilInterrupted((signal) =>
        withProgressBar(settings, (onProgress) => verifyBackup(path, { onProgress, signal })),
      );
      const out = new Output(settings);
      out.result({ path, manifest }, () => show(path, manifest));
      out.note('It is whole.');
    });
}

function show(path: string, manifest: BackupManifest): string {
  return fields([
    ['path', path],
    ['source', manifest.source],
    ['host', manifest.host ?? ''],
    ['identity', manifest.identity ?? 'none'],
    ['made (UTC)', formatTime(manifest.created_at)],
    ['size', formatBytes(manifest.size_bytes)],
    ['SHA-256', manifest.sha256],
    ['migrations', manifest.migrations.join(', ')],
    ['rows without their parent', formatCount(manifest.foreign_key_violations)],
    ['rows', ''],
    ...rowsToTell(manifest).map(([table, count]) => [`  ${table}`, formatCount(count)] as const),
  ]);
}
