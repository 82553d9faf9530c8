import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { type ListedBackup, listBackups } from '../../backup/list.js';
import { expandPath } from '../../engine/sqlite/database-file.js';
import { formatBytes } from '../../engine/sqlite/room.js';
import { systemClock } from '../../options.js';
import { examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { defaultBackupFolder, readSettings, refuseServer } from '../shell/settings.js';
import { type Column, table } from '../shell/table.js';
import { formatCount, formatTime } from '../shell/units.js';
import { countRows, unreadableBackups } from './text.js';

/** `pylon-db backup list [FOLDER]`: the backups of a folder, newest first; reads no database. */
export function configure(command: Command): void {
  command
    .argument('[folder]', 'where to look (default: backups next to the database)')
    .addHelpText(
      'after',
      examples([
        ['pylon-db backup list', 'those of ~/.pylon/backups'],
        ['pylon-db backup list /mnt/usb --json', 'of another folder, for scripts'],
      ]),
    )
    .action((given: string | undefined) => {
      const settings = readSettings(command);
      if (given === undefined) {
        const hint = 'Give the folder where they lie: `pylon-db backup list FOLDER`.';
        refuseServer(settings, 'no backups lie next to a server', hint);
      }
      const folder = given === undefined ? defaultBackupFolder(settings) : expandPath(given);
      // Nobody has made one yet.
      const isNew = given === undefined && !existsSync(folder);
      const backups = isNew ? [] : listBackups(folder, systemClock());
      const out = new Output(settings);
      out.result(backups, () => (backups.length === 0 ? '' : table(out, backups, COLUMNS)));
      if (backups.length === 0) out.note(`No backups in ${folder}.`);
      const ahead = backups.filter(({ from_future }) => from_future).length;
      if (ahead > 0) out.note(aheadLine(ahead));
      const unreadable = backups.filter(({ state }) => state === 'unreadable');
      if (unreadable.length > 0) {
        const { problem, hint } = unreadableBackups(unreadable.map(({ path }) => path));
        out.report(`${problem}. ${hint}`);
      }
      if (backups.length > 0)
        out.note(`In ${folder}. \`pylon-db backup verify FILE\` reads one whole.`);
    });
}

const COLUMNS: readonly Column<ListedBackup>[] = [
  { title: 'file', cell: ({ path }) => basename(path), cut: 'middle' },
  { title: 'made (UTC)', cell: ({ created_at }) => formatTime(created_at) },
  { title: 'size', cell: ({ size_bytes }) => formatBytes(size_bytes), align: 'right' },
  { title: 'rows', cell: rowsOf, align: 'right' },
  { title: 'of', cell: ofWhich },
  { title: 'state', cell: ({ state }) => state },
];

/** As much of an identity as tells databases apart to the eye. */
const SHOWN_OF_IDENTITY = 8;

/** The database that was backed up: its identity in short, and where it was. */
function ofWhich({ manifest }: ListedBackup): string {
  if (manifest === null) return '';
  const { identity, host, source } = manifest;
  const place = host === undefined ? source : `${host}:${source}`;
  return identity ? `${identity.slice(0, SHOWN_OF_IDENTITY)} ${place}` : place;
}

function aheadLine(count: number): string {
  const backups = count === 1 ? 'One backup carries' : `${formatCount(count)} backups carry`;
  return `${backups} a time from the future and stand last: a clock was wrong.`;
}

function rowsOf({ manifest }: ListedBackup): string {
  if (manifest === null) return '';
  return formatCount(countRows(manifest));
}
