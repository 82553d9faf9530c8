import type { Entry } from '../contestant.js';
import { drizzlePlain, drizzlePrepared } from './drizzle.js';
import { handWritten, handWrittenPublished } from './hand-written.js';
import { original } from './original.js';
import { ownQueries } from './own-queries.js';
import { pylonDb, pylonDbFull } from './pylon-db.js';
import { stockKysely } from './stock-kysely.js';
import { typeOrm } from './typeorm.js';

export { handWritten, handWrittenPublished, original, ownQueries, pylonDb, pylonDbFull };

/** Side by side in every run. */
export const entries: readonly Entry[] = [
  pylonDb,
  handWritten,
  handWrittenPublished,
  original,
  ownQueries,
  drizzlePrepared,
  drizzlePlain,
  stockKysely,
  typeOrm,
];

/** Beyond a million rows only they take part: a copy for each other one would fill the disk. */
export const mainEntries: readonly Entry[] = [pylonDb, handWritten, original];

/** The peers that share one file where a copy for each would be too large. */
export const peers: readonly Entry[] = [
  ownQueries,
  drizzlePrepared,
  drizzlePlain,
  stockKysely,
  typeOrm,
];
