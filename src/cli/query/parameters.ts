import type Database from 'better-sqlite3';
import { InvalidArgumentError } from 'commander';
import { PylonDbError } from '../../errors.js';
import type { QueryValue, ReadStatement } from './read-statement.js';

/** Values by the names that the SQL gives them, without `:`, `@` or `$`. */
export type QueryParameters = Readonly<Record<string, QueryValue>>;

/** Binds the parameters for good. Throws what {@link assertGiven} throws: the driver would ignore it. */
export function bindParameters(
  db: Database.Database,
  sql: string,
  question: ReadStatement,
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

/** What to say of a placeholder that is written as `mark`. */
export function namelessParameter(mark: string): PylonDbError<'INVALID_ARGUMENT'> {
  return badParameter(
    'a parameter of the query has no name',
    `Write :name for ${mark}, and -p name=VALUE.`,
  );
}

function badParameter(problem: string, hint: string): PylonDbError<'INVALID_ARGUMENT'> {
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'parameters' }, { hint });
}

/** What SQLite's integers hold. */
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

/** Adds one `name=value` of the command line. Commander reports the error with the option's name. */
export function addParameter(text: string, before: QueryParameters = {}): QueryParameters {
  const [, name, value] = /^[:@$]?([^=:@$]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Give name=value.');
  }
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`${name} is given twice.`);
  return { ...before, [name]: parameterValue(value) };
}

/**
 * The value as SQL would read it: integers and decimals in their plain form, `null`, and text in
 * single quotes. Everything else is text as it stands: `007`, `1e5`, an id, a hash.
 */
export function parameterValue(text: string): QueryValue {
  if (text === 'null') return null;
  if (/^(?:0|-?[1-9]\d*)$/.test(text)) {
    const integer = BigInt(text);
    return integer >= INTEGER_MIN && integer <= INTEGER_MAX ? integer : text;
  }
  // Only what comes back the same: 1.50 may be a version.
  if (/^-?\d+\.\d+$/.test(text) && String(Number(text)) === text) return Number(text);
  const [, quoted] = /^'((?:[^']|'')*)'$/s.exec(text) ?? [];
  return quoted === undefined ? text : quoted.replaceAll("''", "'");
}
