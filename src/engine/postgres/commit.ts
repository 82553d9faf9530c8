import { BatchFailure, type StatementResult } from './batch.js';
import { CommitUnknown, isConnectionLost, RolledBack } from './failures.js';
import type { Session } from './session.js';
import { fixed } from './statement.js';

/** Begins a transaction that may write. */
export const BEGIN = fixed('begin isolation level read committed');

/** Undoes all of a transaction. */
export const ROLLBACK = fixed('rollback');

/** Lets constraint triggers that are deferred fire now: else they would at COMMIT, after the last look. */
export const FIRE_DEFERRED = fixed('set constraints all immediate');

/** Ends a transaction. One that writes is committed by {@link commit}, which reads the answer. */
export const COMMIT = fixed('commit');

/**
 * Commits the open transaction of a session. Throws {@link CommitUnknown} when the connection broke
 * before the answer came, {@link RolledBack}, or the server's own refusal: then nothing is stored.
 */
export async function commit(session: Session): Promise<void> {
  let results: readonly StatementResult[];
  try {
    results = await session.run([COMMIT]);
  } catch (failure) {
    const isUnknown =
      failure instanceof BatchFailure && failure.sent && isConnectionLost(failure.cause);
    throw isUnknown ? new CommitUnknown(failure.cause) : failure;
  }
  // A transaction in which a statement failed is rolled back by COMMIT, and that is not an error.
  if (results[0]?.tag !== 'COMMIT') throw new RolledBack();
}
