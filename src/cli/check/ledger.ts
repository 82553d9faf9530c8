import type Database from 'better-sqlite3';
import { migrations } from '../../../migrations/index.js';
import { isPylonDbError } from '../../errors.js';
import { readLedgerRows } from '../../migrate/ledger-rows.js';
import { INITIAL_MIGRATION, OUR_MIGRATION, readLedger } from '../../migrate/schema-check.js';

/**
 * The names in the ledger, oldest first. Throws `SCHEMA_MISMATCH` for another program's file and a
 * newer pylon-db's; a published table that drifted is no reason to look away.
 */
export function appliedMigrations(db: Database.Database): readonly string[] {
  try {
    return readLedger(db, migrations, '').applied;
  } catch (error) {
    if (!isPylonDbError(error, 'SCHEMA_MISMATCH')) throw error;
    const applied = readLedgerRows(db).map((row) => row.name);
    const isNewer = (name: string) => OUR_MIGRATION.test(name) && !Object.hasOwn(migrations, name);
    if (!applied.includes(INITIAL_MIGRATION) || applied.some(isNewer)) throw error;
    return applied;
  }
}
