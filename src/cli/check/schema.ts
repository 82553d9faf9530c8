import { OWN_OBJECTS } from '../../../generated/own-objects.js';
import { migrations } from '../../../migrations/index.js';
import { findFileDrift } from '../../migrate/file-drift.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { isRepairable } from '../../migrate/own-objects.js';
import { withSnapshot } from '../export/snapshot.js';
import type { Finding } from './finding.js';
import { driftFound, emptyDatabaseFound } from './schema-findings.js';
import { checkTriggers } from './structure.js';

/**
 * Objects of the schema that are not as the applied migrations made them, of the migrations that
 * we know. Throws what opening throws.
 */
export async function checkSchema(path: string, applied: readonly string[]): Promise<Finding[]> {
  if (!applied.includes(INITIAL_MIGRATION)) return emptyDatabaseFound();
  return await withSnapshot(path, async (db) => {
    const drift = await findFileDrift(db, migrations, applied);
    const found = driftFound(drift, (each) => isRepairable(OWN_OBJECTS, each));
    return [...found, ...checkTriggers(db)];
  });
}
