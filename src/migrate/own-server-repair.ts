import type { Session } from '../engine/postgres/session.js';
import type { MigrationList } from './migration.js';
import {
  lookAtServerObjects,
  makeServerObjects,
  type StandingObject,
} from './own-server-objects.js';
import { readServerLedger } from './postgres-ledger.js';

/** Whose objects are made again, and which of them. */
export interface ServerRepairProps {
  /** The migrations that this pylon-db knows. */
  readonly list: MigrationList;
  readonly operation?: string | undefined;
  readonly isChosen: (object: StandingObject) => boolean;
}

/**
 * Makes the chosen ones of our own objects again, in one transaction, and gives their names. Throws
 * `SCHEMA_MISMATCH` for a newer pylon-db's schema, `CantBeMade`, and what the server says; each leaves
 * the schema as it was.
 */
export async function repairServerObjects(
  session: Session,
  { list, operation, isChosen }: ServerRepairProps,
): Promise<string[]> {
  await session.raw('begin isolation level read committed', []);
  try {
    // A step of a migration writes its ledger row first: none runs meanwhile, and of two processes
    // that repair, the second finds nothing left to do.
    await session.raw('lock table migrations in share row exclusive mode', []);
    const { applied } = await readServerLedger(session, list, operation);
    const chosen = (await lookAtServerObjects(session, applied)).filter(isChosen);
    await makeServerObjects(session, chosen);
    await session.raw('commit', []);
    return chosen.map(({ own }) => own.name);
  } catch (error) {
    // Where the connection is lost, the server has done it.
    await session.raw('rollback', []).catch(() => session.spoil());
    throw error;
  }
}
