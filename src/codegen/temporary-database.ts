import { PylonDb } from '../pylon-db.js';

/** Creates a database file with all of our migrations, for codegen to read and throw away. */
export async function createMigratedDatabase(file: string): Promise<void> {
  const db = await PylonDb.open(file);
  await db.close();
}
