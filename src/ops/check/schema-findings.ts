import type { Drift } from '../../migrate/drift.js';
import { INITIAL_MIGRATION } from '../../migrate/schema-check.js';
import { counted } from '../counted.js';
import { type Finding, findingsOf, Tally } from './finding.js';

/** The finding for a database without the published schema: a node that was emptied must not hear that all is well. */
export function emptyDatabaseFound(): Finding[] {
  const tally = new Tally();
  tally.add(INITIAL_MIGRATION);
  return findingsOf(tally, {
    check: 'schema',
    problem: 'the published schema is not in the ledger: the database is empty or half made',
    mend: 'Restore a backup; if it is to be a new database, or completed, run `pylon-db migrate up`.',
  });
}

/** The finding for what is not as the applied migrations made it. */
export function driftFound(drift: readonly Drift[]): Finding[] {
  const tally = new Tally();
  for (const { type, name, problem } of drift) tally.add(`${type} ${name} ${problem}`);
  return findingsOf(tally, {
    check: 'schema',
    problem: `${counted(tally.count, 'object')} of the schema not as migrated`,
    mend: '`pylon-db migrate verify` shows the SQL of each: recreate them with it, or restore a backup.',
  });
}
