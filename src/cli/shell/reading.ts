import type { Command } from 'commander';
import { lookTwice } from '../../backup/second-look.js';
import { PylonDb } from '../../pylon-db.js';
import { Output } from './output.js';
import { withReadable } from './readable.js';
import { existingDatabase, readSettings, type Settings } from './settings.js';

/** Runs a command that only reads a file or a server: nothing is migrated, created or changed. */
export async function reading(
  command: Command,
  run: (db: PylonDb, out: Output, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = readSettings(command);
  const database = existingDatabase(settings);
  const out = new Output(settings);
  await withReadable(settings, out, async (readable) => {
    await using db = await openToRead(readable.readFrom ?? database);
    await run(db, out, readable);
  });
}

/** Opens a database that nothing of the command changes, a second time where the disk failed once. */
export async function openToRead(database: string): Promise<PylonDb> {
  const { found } = await lookTwice([database], () => PylonDb.open(database, { readonly: true }));
  return found;
}
