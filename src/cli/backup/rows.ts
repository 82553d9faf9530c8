import type { BackupManifest } from '../../backup/manifest.js';

/** The rows of each table as people count them: without what pylon-db keeps beside the data. */
export function rowsToTell({ rows }: BackupManifest): [table: string, count: number][] {
  return Object.entries(rows).filter(([table]) => !table.startsWith('pylon_db_'));
}

/** How many rows a backup holds, as people count them. */
export function countRows(manifest: BackupManifest): number {
  return rowsToTell(manifest).reduce((sum, [, count]) => sum + count, 0);
}
