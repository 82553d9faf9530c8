import { hostname } from 'node:os';
import type Database from 'better-sqlite3';
import { identityIn } from '../../backup/identity.js';
import { canonical } from '../../backup/live-files.js';
import type { BackupManifest } from '../../backup/manifest.js';
import { badPath } from './bad-path.js';

const PUBLISHED_ROWS = ['jobs', 'earnings', 'agents', 'tick_history'];

export interface AnotherProps {
  readonly live: Database.Database;
  /** The path of the live database. */
  readonly path: string;
  readonly backup: string;
  readonly manifest: BackupManifest;
  /** What the backup itself says, which a manifest may have lost. */
  readonly identity: string | null;
}

/**
 * Throws `INVALID_ARGUMENT` when a backup of another database would replace rows. A backup that is
 * older than identities can't be told from others, so nothing is asked.
 */
export function refuseAnotherDatabase(props: AnotherProps): void {
  const { live, path, backup, manifest, identity } = props;
  if (identity === null || !hasRows(live)) return;
  const own = identityIn(live);
  const { host, source } = manifest;
  // A live file without identity was last migrated by an older pylon-db: its place must do.
  const isSame =
    own === null ? host === hostname() && source === canonical(path) : own === identity;
  if (isSame) return;
  const from = source === '' ? '' : ` (made from ${host === undefined ? '' : `${host}:`}${source})`;
  throw badPath(
    `${backup} is of another database: its identity is ${identity}${from}, that of ${path} is ${own ?? 'not known'}`,
    '--replace-other restores it all the same.',
  );
}

function hasRows(live: Database.Database): boolean {
  const tables = live
    .prepare<[string], string>(
      "select name from sqlite_master where type = 'table' and name in (select value from json_each(?))",
    )
    .pluck()
    .all(JSON.stringify(PUBLISHED_ROWS));
  return tables.some((name) => live.prepare(`select 1 from ${name} limit 1`).get() !== undefined);
}
