import type { Command } from 'commander';
import { PylonDb } from '../pylon-db.js';
import { Output } from './output.js';
import { existingDatabase, readSettings, type Settings } from './settings.js';

/** Runs a command that only reads a file or a server: nothing is migrated, created or changed. */
export async function reading(
  command: Command,
  run: (db: PylonDb, out: Output, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = readSettings(command);
  await using db = await PylonDb.open(existingDatabase(settings), { readonly: true });
  await run(db, new Output(settings), settings);
}
