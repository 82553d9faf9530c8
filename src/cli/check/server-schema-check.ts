import { OWN_SERVER_OBJECTS } from '../../../generated/own-objects.js';
import { migrations } from '../../../migrations/index.js';
import type { SessionPool } from '../../engine/postgres/pool.js';
import { withoutSecrets } from '../../engine/postgres/server-error.js';
import { isPylonDbError, PylonDbError } from '../../errors.js';
import type { Drift } from '../../migrate/drift.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { isRepairable } from '../../migrate/own-objects.js';
import { CantBeMade } from '../../migrate/own-server-objects.js';
import { repairServerObjects } from '../../migrate/own-server-repair.js';
import { findServerDrift, mayCreateNoSchema } from '../../migrate/server-drift.js';
import type { Found } from './run-checks.js';
import { driftFound, emptyDatabaseFound } from './schema-findings.js';

/** What a look at the schema found, after the repair if there was one. */
export interface SchemaFound extends Found {
  /** The names of our own objects that were made again. */
  readonly repaired: readonly string[];
}

/**
 * Objects of the schema that are not as the applied migrations made them, of those that we know.
 * With `repairs` our own ones are made again first, all or none; none where a published table
 * doesn't fit. Throws `SCHEMA_MISMATCH` naming one that the server doesn't allow to be made.
 */
export async function checkServerSchema(
  pool: SessionPool,
  applied: readonly string[],
  repairs: boolean,
): Promise<SchemaFound> {
  if (!applied.includes(INITIAL_MIGRATION)) {
    return { findings: emptyDatabaseFound(), skipped: [], repaired: [] };
  }
  const drift = await driftOf(pool, applied);
  if (!repairs) return found(drift, []);
  const repaired = await repair(pool, (drift ?? []).filter(mayBeRepaired));
  return found(repaired.length === 0 ? drift : await driftOf(pool, applied), repaired);
}

function found(drift: readonly Drift[] | undefined, repaired: readonly string[]): SchemaFound {
  if (drift !== undefined) {
    return { findings: driftFound(drift, mayBeRepaired), skipped: [], repaired };
  }
  const reason = 'the role may create no schema to compare with';
  return { findings: [], skipped: [{ check: 'schema', reason }], repaired };
}

function mayBeRepaired(drift: Drift): boolean {
  return isRepairable(OWN_SERVER_OBJECTS, drift);
}

/** `undefined` where the role may create no schema to compare with. */
async function driftOf(
  pool: SessionPool,
  applied: readonly string[],
): Promise<readonly Drift[] | undefined> {
  try {
    return await findServerDrift(pool, migrations, applied);
  } catch (error) {
    if (!mayCreateNoSchema(error)) throw error;
    return undefined;
  }
}

async function repair(pool: SessionPool, drift: readonly Drift[]): Promise<readonly string[]> {
  const drifted = new Set(drift.map(({ name }) => name));
  try {
    return await pool.withSession((session) =>
      repairServerObjects(session, {
        list: migrations,
        isChosen: ({ own, isLost }) => isLost || drifted.has(own.name),
      }),
    );
  } catch (error) {
    // A published table is gone or another: what stands on it can't be made, and check reports why.
    if (isPylonDbError(error, 'SCHEMA_MISMATCH')) return [];
    throw error instanceof CantBeMade ? notRepaired(error) : error;
  }
}

function notRepaired({ problem, cause }: CantBeMade): PylonDbError {
  return new PylonDbError(
    'SCHEMA_MISMATCH',
    problem,
    { problems: [problem] },
    {
      cause: withoutSecrets(cause),
      hint: 'Nothing was repaired. Run it as the owner of the tables. Where something else has the name, drop or rename that in psql first.',
    },
  );
}
