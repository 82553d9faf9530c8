import type { ServerEntry } from '../contestant.js';
import { handWritten } from './hand-written.js';
import { pylonDb } from './pylon-db.js';
import { stockKysely } from './stock-kysely.js';

export { handWritten, pylonDb };

/** By name, for the processes that run them. */
export const entries: readonly ServerEntry[] = [pylonDb, handWritten, stockKysely];
