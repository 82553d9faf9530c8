import type Database from 'better-sqlite3';
import { PylonDbError } from '../../errors.js';
import type { QueryValue, Question } from './read-statement.js';

/** Values by the names that the SQL gives them, without `:`, `@` or `$`. */
export type QueryParameters = Readonly<Record<string, QueryValue>>;

/** Binds the parameters for good. Throws what {@link assertGiven} throws: the driver would ignore it. */
export function bindParameters(
  db: Database.Database,
  sql: string,
  question: Question,
  given: QueryParameters,
): void {
  const names = parameterNames(db, sql);
  assertGiven(names, given);
  if (names.size > 0) bind(question, given);
}

/**
 * Throws `INVALID_ARGUMENT` naming a parameter of the SQL that has no value, or a value of which
 * the SQL knows nothing.
 */
export function assertGiven(names: ReadonlySet<string>, given: QueryParameters): void {
  for (const name of names) {
    if (Object.hasOwn(given, name)) continue;
    throw badParameter(`the parameter ${name} has no value`, `Add -p ${name}=VALUE.`);
  }
  for (const name of Object.keys(given)) {
    if (names.has(name)) continue;
    const known = [...names].map((other) => `:${other}`).join(', ');
    throw badParameter(
      `the query has no parameter ${name}`,
      known === '' ? `Write :${name} where it belongs.` : `It has ${known}.`,
    );
  }
}

/** The driver doesn't list them, but it asks the object that it binds for each. */
function parameterNames(db: Database.Database, sql: string): ReadonlySet<string> {
  const names = new Set<string>();
  const asked = new Proxy(
    {},
    {
      getOwnPropertyDescriptor: (_, name) => {
        names.add(String(name));
        return { value: null, configurable: true };
      },
      get: () => null,
    },
  );
  try {
    bind(db.prepare(sql), asked);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw namelessParameter('?');
  }
  return names;
}

function bind(statement: Database.Statement<never[], unknown>, values: object): void {
  const binding: { bind(values: object): unknown } = statement;
  binding.bind(values);
}

/** What to tell of a placeholder that is written as `mark`. */
export function namelessParameter(mark: string): PylonDbError<'INVALID_ARGUMENT'> {
  return badParameter(
    'a parameter of the query has no name',
    `Write :name for ${mark}, and -p name=VALUE.`,
  );
}

function badParameter(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field: 'parameters' },
    { operation: '', hint },
  );
}
