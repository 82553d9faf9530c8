import type Database from 'better-sqlite3';
import { OWN_OBJECTS } from '../../../generated/own-objects.js';
import { migrations } from '../../../migrations/index.js';
import { isPylonDbError } from '../../errors.js';
import { readLedgerRows } from '../../migrate/ledger.js';
import { INITIAL_MIGRATION, OUR_MIGRATION } from '../../migrate/migration-names.js';
import { isRepairable } from '../../migrate/own-objects.js';
import { readLedger } from '../../migrate/schema-check.js';
import { migratorOf, withMemory, withReader } from '../migrate/connections.js';
import { findDrift } from '../migrate/drift.js';
import type { Finding } from './finding.js';
import { driftFound, emptyDatabaseFound } from './schema-findings.js';
import { checkTriggers } from './structure.js';

/**
 * Objects of the schema that are not as the applied migrations made them, of the migrations that
 * we know. Throws what opening throws.
 */
export async function checkSchema(path: string, applied: readonly string[]): Promise<Finding[]> {
  if (!applied.includes(INITIAL_MIGRATION)) return emptyDatabaseFound();
  const known = Object.entries(migrations).filter(([name]) => applied.includes(name));
  return await withReader(path, (live) =>
    withMemory(async (migrated) => {
      await migratorOf(migrated, ':memory:', Object.fromEntries(known)).up();
      const drift = driftFound(findDrift(live, migrated), (each) =>
        isRepairable(OWN_OBJECTS, each),
      );
      return [...drift, ...checkTriggers(live)];
    }),
  );
}

/**
 * The names in the ledger, oldest first. Throws `SCHEMA_MISMATCH` for another program's file and a
 * newer pylon-db's; a published table that drifted is not a reason to look away.
 */
export function appliedMigrations(db: Database.Database): readonly string[] {
  try {
    return readLedger(db, migrations).applied;
  } catch (error) {
    if (!isPylonDbError(error, 'SCHEMA_MISMATCH')) throw error;
    const applied = readLedgerRows(db).map((row) => row.name);
    const isNewer = (name: string) => OUR_MIGRATION.test(name) && !Object.hasOwn(migrations, name);
    if (!applied.includes(INITIAL_MIGRATION) || applied.some(isNewer)) throw error;
    return applied;
  }
}
