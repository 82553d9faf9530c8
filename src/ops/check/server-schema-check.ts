import { migrations } from '../../../migrations/index.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { INITIAL_MIGRATION } from '../../migrate/schema-check.js';
import { findServerDrift, mayCreateNoSchema } from '../../migrate/server-drift.js';
import type { Found } from './run-checks.js';
import { driftFound, emptyDatabaseFound } from './schema-findings.js';

/** Objects of the schema that are not as the applied migrations made them, of those that we know. */
export async function checkServerSchema(
  pool: SessionPool,
  applied: readonly string[],
): Promise<Found> {
  if (!applied.includes(INITIAL_MIGRATION)) {
    return { findings: emptyDatabaseFound(), skipped: [] };
  }
  const known = Object.entries(migrations).filter(([name]) => applied.includes(name));
  try {
    const drift = await findServerDrift(pool, Object.fromEntries(known));
    return { findings: driftFound(drift, () => false), skipped: [] };
  } catch (error) {
    if (!mayCreateNoSchema(error)) throw error;
    const reason = 'the role may create no schema to compare with';
    return { findings: [], skipped: [{ check: 'schema', reason }] };
  }
}
