import { migrations } from '../../migrations/index.js';
import { INITIAL_MIGRATION } from '../migrate/schema-check.js';
import { type Finding, findingsOf, Tally } from '../ops/check/finding.js';
import { counted } from '../ops/counted.js';
import { migratorOf, withMemory, withReader } from './migration-connections.js';
import { findDrift } from './schema-drift.js';

/** A node whose file was emptied must not hear that all is well. */
const NOTHING_IN_IT = {
  check: 'schema',
  problem: 'the published tables are missing: the database is empty',
  mend: 'Restore a backup; if it is to be a new database, run `pylon-db migrate up`.',
};
const EMPTY = new Tally();
EMPTY.add(INITIAL_MIGRATION);

/**
 * Objects of the schema that are not as the applied migrations made them, of the migrations that
 * we know. Throws what opening throws.
 */
export async function checkSchema(path: string, applied: readonly string[]): Promise<Finding[]> {
  if (!applied.includes(INITIAL_MIGRATION)) return findingsOf(EMPTY, NOTHING_IN_IT);
  const known = Object.entries(migrations).filter(([name]) => applied.includes(name));
  const tally = new Tally();
  await withReader(path, (live) =>
    withMemory(async (migrated) => {
      await migratorOf(migrated, ':memory:', Object.fromEntries(known)).up();
      for (const { type, name, problem } of findDrift(live, migrated)) {
        tally.add(`${type} ${name} ${problem}`);
      }
    }),
  );
  return findingsOf(tally, {
    check: 'schema',
    problem: `${counted(tally.count, 'object')} of the schema not as migrated`,
    mend: '`pylon-db migrate verify` shows the SQL of each: recreate them with it, or restore a backup.',
  });
}
