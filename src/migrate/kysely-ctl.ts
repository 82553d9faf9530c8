import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { refuseForeignSidecars } from '../engine/sqlite/sidecars.js';
import { type ErrorCode, isPylonDbError, PylonDbError } from '../errors.js';

/** The error as kysely-ctl is to print it: with the hint in its message, which is all that it shows. */
export function withHintInMessage(error: unknown): unknown {
  return isPylonDbError(error) ? withHint(error) : error;
}

function withHint<C extends ErrorCode>(error: PylonDbError<C>): PylonDbError<C> {
  const { code, problem, details, operation, hint, cause } = error;
  const context = { operation, hint, ...(cause === undefined ? {} : { cause }) };
  return new PylonDbError(code, `${problem}. ${hint}`, details, context);
}

/** Throws `CANNOT_OPEN` where there is nothing at `path`: only migrating up may create a file. */
export function assertForKyselyCtl(path: string, operation: string): void {
  if (existsSync(path)) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `there is no file ${path}`,
    { path },
    { operation, hint: 'Name the database in PYLON_DB, or create it: npx kysely migrate:latest.' },
  );
}

/** The connection of `npx kysely sql`; creates no file. Throws `CANNOT_OPEN`, with the hint in it. */
export function connectForKyselyCtl(path: string, operation: string): Database.Database {
  try {
    assertForKyselyCtl(path, operation);
    refuseForeignSidecars(path, operation);
  } catch (error) {
    throw withHintInMessage(error);
  }
  return new Database(path, { fileMustExist: true });
}

/** For `npx kysely migrate:make`, whose file no list would have. Throws `NOT_SUPPORTED`. */
export function refuseToMake(): never {
  throw withHintInMessage(
    new PylonDbError(
      'NOT_SUPPORTED',
      'kysely-ctl can make no migration here: it would be in no list, and never run',
      {},
      {
        operation: 'kysely migrate:make',
        hint: 'Use: pylon-db migrate create NAME --dir migrations.',
      },
    ),
  );
}
