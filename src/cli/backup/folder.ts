import { dirname, join } from 'node:path';
import type { Settings } from '../shell/settings.js';

/** Where backups go that are given no other place: `backups` beside the database. */
export function defaultBackupFolder({ path }: Settings): string {
  return join(dirname(path), 'backups');
}
