import { dirname } from 'node:path';
import { type BackupManifest, manifestPath } from '../../backup/manifest.js';
import { ofAnother } from '../../engine/sqlite/system-error.js';

/** The rows of each table as people count them: without what pylon-db keeps next to the data. */
export function rowsToTell({ rows }: BackupManifest): [table: string, count: number][] {
  return Object.entries(rows).filter(([table]) => !table.startsWith('pylon_db_'));
}

/** How many rows a backup holds, as people count them. */
export function countRows(manifest: BackupManifest): number {
  return rowsToTell(manifest).reduce((sum, [, count]) => sum + count, 0);
}

/** What to say of backups whose manifest can't be read: whose the first is, and what helps. */
export function unreadableBackups(paths: readonly string[]): { problem: string; hint: string } {
  const [first = ''] = paths;
  const [count, them] =
    paths.length === 1 ? ['One backup', 'it'] : [`${paths.length} backups`, 'them'];
  const manifest = manifestPath(first);
  const owner = ofAnother(manifest)?.problem;
  return {
    problem: `${count} can't be read, and nothing removes ${them}: ${owner ?? manifest}`,
    hint:
      owner === undefined
        ? 'Check the disk, and that you may read it.'
        : `\`sudo chown -R ${process.geteuid?.()} ${dirname(first)}\` gives ${them} back.`,
  };
}
