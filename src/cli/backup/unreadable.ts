import { dirname } from 'node:path';
import { manifestPath } from '../../backup/manifest.js';
import { ofAnother } from '../../engine/sqlite/system-error.js';
import { formatCount } from '../shell/units.js';

/** What to say of backups whose manifest can't be read: whose the first is, and what helps. */
export function unreadableLine(paths: readonly string[]): string {
  const [first = ''] = paths;
  const [count, them] =
    paths.length === 1 ? ['One backup', 'it'] : [`${formatCount(paths.length)} backups`, 'them'];
  const manifest = manifestPath(first);
  const owner = ofAnother(manifest)?.problem;
  const way =
    owner === undefined
      ? 'Check the disk, and that you may read it'
      : `\`sudo chown -R ${process.geteuid?.()} ${dirname(first)}\` gives ${them} back`;
  return `${count} can't be read, and nothing removes ${them}: ${owner ?? manifest}. ${way}.`;
}
