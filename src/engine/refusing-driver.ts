import type { Driver } from 'kysely';
import { PylonDbError } from '../errors.js';

async function refuse(): Promise<never> {
  throw new PylonDbError(
    'NOT_SUPPORTED',
    'this would go round the write queue',
    {},
    { operation: 'kysely', hint: 'Use db.transaction(async tx => …) and db.close().' },
  );
}

/** The net below the handles: nothing that needs a driver's own connection gets through. */
export const refusingDriver: Driver = {
  init: async () => {},
  acquireConnection: refuse,
  beginTransaction: refuse,
  commitTransaction: refuse,
  rollbackTransaction: refuse,
  releaseConnection: async () => {},
  destroy: refuse,
};

/** Throws `NOT_SUPPORTED`: Kysely's `Migrator` would keep a second ledger, on a connection of its own. */
export function refuseMigrator(): never {
  throw new PylonDbError(
    'NOT_SUPPORTED',
    "Kysely's Migrator can't run on this handle",
    {},
    {
      operation: 'kysely',
      hint: 'Give your migrations to PylonDb.open as its option migrations, or run `pylon-db migrate up`: docs/migrations.md.',
    },
  );
}
