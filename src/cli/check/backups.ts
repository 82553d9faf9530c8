import { type ListedBackup, listBackups } from '../../backup/list.js';
import { type DatabaseName, newestOf } from '../../backup/whose.js';
import { systemCode } from '../../engine/sqlite/system-error.js';
import { isPylonDbError } from '../../errors.js';
import { unreadableBackups } from '../backup/text.js';
import { type Finding, findingsOf, Tally } from './finding.js';

/** The newest backup of a database that looks whole. Field names are those of the JSON answer. */
export interface LastBackup {
  readonly path: string;
  /** Unix seconds. */
  readonly created_at: number;
  /** `null` for a time from the future: nobody knows. */
  readonly age_seconds: number | null;
}

/** The last backup, and why there may be a later one than this user may see. */
interface Backups {
  readonly last: LastBackup | null;
  readonly findings: readonly Finding[];
}

/** The newest backup of `database` in a folder, none where there is no folder. */
export function backupsIn(folder: string, now: number, database: DatabaseName): Backups {
  try {
    const backups = listBackups(folder, now);
    const unreadable = backups.filter(({ state }) => state === 'unreadable');
    const paths = unreadable.map(({ path }) => path);
    return {
      last: lastOf(newestOf(backups, database), now),
      findings: paths.length === 0 ? [] : note(unreadableBackups(paths), paths),
    };
  } catch (error) {
    if (!isPylonDbError(error)) throw error;
    // Nobody has made one yet.
    const isNew = systemCode(error.cause) === 'ENOENT';
    return { last: null, findings: isNew ? [] : note(error, [folder]) };
  }
}

function lastOf(newest: ListedBackup | undefined, now: number): LastBackup | null {
  if (newest === undefined) return null;
  const { path, created_at, from_future } = newest;
  return { path, created_at, age_seconds: from_future ? null : Math.max(0, now - created_at) };
}

function note(why: { problem: string; hint: string }, paths: readonly string[]): Finding[] {
  const tally = new Tally();
  for (const path of paths) tally.add(path);
  return findingsOf(tally, {
    check: 'backups',
    severity: 'note',
    problem: why.problem,
    mend: why.hint,
  });
}
