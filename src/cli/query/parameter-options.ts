import { InvalidArgumentError } from 'commander';
import type { QueryParameters } from './parameters.js';
import type { QueryValue } from './read-statement.js';

/** What SQLite's integers hold. */
const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

/** Adds one `name=value` of the command line. Commander tells the error with the option's name. */
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
