import type { Drift } from '../../migrate/drift.js';
import { INITIAL_MIGRATION } from '../../migrate/migration-names.js';
import { counted } from '../shell/units.js';
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

/**
 * The finding for what is not as the applied migrations made it; `isRepairable` says of each
 * whether `check --repair` makes it again.
 */
export function driftFound(
  drift: readonly Drift[],
  isRepairable: (drift: Drift) => boolean,
): Finding[] {
  const repairable = drift.every(isRepairable);
  const tally = new Tally();
  for (const { type, name, problem } of drift) tally.add(`${type} ${name} ${problem}`);
  return findingsOf(tally, {
    check: 'schema',
    problem: `${counted(tally.count, 'object')} of the schema not as migrated`,
    mend: repairable
      ? 'Run `pylon-db check --repair`: it makes them again, and counts the totals that they keep.'
      : '`pylon-db migrate verify` shows the SQL of each: recreate them with it, or restore a backup.',
    repairable,
  });
}

/**
 * The note for triggers and rules of other programs on tables that services write: they run in every
 * writer, and may change or keep out what it stores. `where` they are looked at.
 */
export function foreignTriggersFound(names: readonly string[], where: string): Finding[] {
  const tally = new Tally();
  for (const name of names) tally.add(name);
  const what = tally.count === 1 ? '1 trigger that is' : `${tally.count} triggers that are`;
  return findingsOf(tally, {
    check: 'triggers',
    severity: 'note',
    problem: `${what} not pylon-db's, run by every program that writes the table`,
    mend: `Nothing to do where you know them, such as those of a service's own migrations. Else look at them: ${where}.`,
  });
}
