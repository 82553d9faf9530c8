import type { RawResult } from '../kysely-connection.js';
import { BEGIN, commit, ROLLBACK } from './commit.js';
import { CommitUnknown, isConnectionLost, isStale } from './failures.js';
import type { Session } from './session.js';

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
  { sql, parameters }: RawWrite,
): Promise<RawResult> {
  if (RETURNS_ROWS.test(sql)) return await undoableWrite(session, sql, parameters);
  try {
    return await session.raw(sql, parameters);
  } catch (error) {
    throw isConnectionLost(error) ? new CommitUnknown(error) : error;
  }
}

async function undoableWrite(
  session: Session,
  sql: string,
  parameters: readonly unknown[],
): Promise<RawResult> {
  try {
    await session.run([BEGIN]);
    const result = await session.raw(sql, parameters);
    await commit(session);
    return result;
  } catch (error) {
    if (isStale(error)) session.forget();
    else if (!isConnectionLost(error)) await session.run([ROLLBACK]);
    throw error;
  }
}
