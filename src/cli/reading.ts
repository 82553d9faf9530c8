import type { Command } from 'commander';
import { PylonDb } from '../pylon-db.js';
import { Output } from './output.js';
import { assertFile, readSettings } from './settings.js';

/** Runs a command that only reads: nothing is migrated, created or changed. */
export async function reading(
  command: Command,
  run: (db: PylonDb, out: Output) => Promise<void>,
): Promise<void> {
  const settings = readSettings(command);
  assertFile(settings.path);
  await using db = await PylonDb.open(settings.path, { readonly: true });
  await run(db, new Output(settings));
}
