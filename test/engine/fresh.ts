import { onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import { migratedFile } from '../migrated-file.js';

/** A new database of one test in a file of its own, closed when the test has finished. */
export async function openFresh(options: OpenOptions = {}): Promise<PylonDb> {
  const db = await PylonDb.open(migratedFile(), options);
  onTestFinished(() => db.close());
  return db;
}

/** The least that a job needs. */
export const job = (id: string) => ({ id, kind: 5100, customer_pubkey: 'customer' });

/** The least that an agent needs. */
export const agent = (npub: string) =>
  ({ npub, name: 'An agent', lifecycle_state: 'active' }) as const;
