import { isPylonDbError } from '../../errors.js';
import type { RawResult } from '../kysely-connection.js';
import { BEGIN, commit, ROLLBACK } from './commit.js';
import { CommitUnknown, isConnectionLost, isStale, takesNoTransaction } from './failures.js';
import { mayChangeSchema } from './raw-sql.js';
import type { Session } from './session.js';

/** Throws `NOT_SUPPORTED` when other programs would miss something of the published schema. */
export type AssertPublished = (session: Session) => Promise<void>;

/** An ad-hoc statement: it has its own transaction. */
export class RawWrite {
  constructor(
    readonly sql: string,
    readonly parameters: readonly unknown[],
  ) {}
}

/** What it returns may be a value that can't be given back: then it is undone. */
const RETURNS_ROWS = /\breturning\b/i;

/** Runs and commits it. Throws {@link CommitUnknown}, or what the server or its values say. */
export async function rawWrite(
  session: Session,
  write: RawWrite,
  assertPublished: AssertPublished,
): Promise<RawResult> {
  const changesSchema = mayChangeSchema(write.sql);
  if (changesSchema || RETURNS_ROWS.test(write.sql)) {
    try {
      return await undoableWrite(session, write, changesSchema ? assertPublished : undefined);
    } catch (error) {
      // It did nothing yet, or the server undid it.
      if (!takesNoTransaction(error) && !(await wasSoBefore(session, error, assertPublished))) {
        throw error;
      }
    }
  }
  try {
    return await session.raw(write.sql, write.parameters);
  } catch (error) {
    throw isConnectionLost(error) ? new CommitUnknown(error) : error;
  }
}

async function undoableWrite(
  session: Session,
  { sql, parameters }: RawWrite,
  assertPublished?: AssertPublished,
): Promise<RawResult> {
  try {
    await session.run([BEGIN]);
    const result = await session.raw(sql, parameters);
    await assertPublished?.(session);
    await commit(session);
    return result;
  } catch (error) {
    if (isStale(error)) session.forget();
    else if (!isConnectionLost(error)) await session.run([ROLLBACK]);
    throw error;
  }
}

/** Whether the published schema was broken already, by another program, as it would have been. */
async function wasSoBefore(
  session: Session,
  error: unknown,
  assertPublished: AssertPublished,
): Promise<boolean> {
  if (!isPylonDbError(error, 'NOT_SUPPORTED')) return false;
  try {
    await assertPublished(session);
    return false;
  } catch (before) {
    return isPylonDbError(before, 'NOT_SUPPORTED') && before.message === error.message;
  }
}
