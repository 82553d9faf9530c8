import { PUBLISHED_NAMES } from '../schema/names.js';
import { isMark, isWord, type SqlWord } from '../schema/sql-tokens.js';
import type { Refusal } from './raw-sql.js';

// What ad-hoc SQL of every engine may not do. Tokens are those of one statement without EXPLAIN.

/** The lower-case keyword at `index`; `''` for anything that isn't a bare word. */
export function wordAt(tokens: readonly SqlWord[], index: number): string {
  const token = tokens[index];
  return token?.kind === 'word' ? token.text.toLowerCase() : '';
}

/** What is made of SQL that begins a schema change. */
const KINDS: ReadonlySet<string> = new Set([
  ...['table', 'index', 'view', 'trigger', 'function', 'procedure', 'sequence', 'rule', 'type'],
  // Behind IF EXISTS, IF NOT EXISTS and DROP INDEX CONCURRENTLY.
  ...['exists', 'concurrently'],
]);

const SCHEMA_CHANGES: ReadonlySet<string> = new Set(['create', 'alter', 'drop', 'truncate']);

/** What stands on a table and decides what its writes do. */
const ON_TABLES: ReadonlySet<string> = new Set(['trigger', 'index', 'rule', 'policy']);

/** The longest head of a CREATE or DROP before its kind: `create or replace constraint trigger`. */
const LONGEST_HEAD = 5;

const OURS = /^pylon_db_/i;

/** Refuses to write to, redefine or drop an object of ours, and to make one of such a name. */
export function changesOurs(tokens: readonly SqlWord[]): Refusal | undefined {
  const name = tokens.find((token, i) => OURS.test(token.text) && isChanged(tokens, i))?.text;
  if (name === undefined) return undefined;
  return {
    problem: `${name} belongs to pylon-db, and a query can't change it`,
    hint: 'Reading it is fine. Objects of your own need another name; `pylon-db check` compares ours.',
  };
}

/** Whether what is named at `index` is what the statement changes, and not what it reads. */
function isChanged(tokens: readonly SqlWord[], index: number): boolean {
  if (isWritten(tokens, index)) return true;
  const at = beforeName(tokens, index);
  const before = wordAt(tokens, at);
  const statement = wordAt(tokens, 0);
  if (!SCHEMA_CHANGES.has(statement)) return false;
  if (KINDS.has(before)) return true;
  if (before === 'to') return statement === 'alter';
  if (before === 'on') return standsOnTable(tokens) && !isMark(tokens[index + 1], '.');
  return isMark(tokens[at], ',') && statement === 'drop';
}

/** Whether rows of what is named at `index` are written. */
function isWritten(tokens: readonly SqlWord[], index: number): boolean {
  const at = beforeName(tokens, index);
  const before = wordAt(tokens, at);
  if (before === 'into' || before === 'update' || before === 'truncate') return true;
  if (before === 'from') return wordAt(tokens, at - 1) === 'delete';
  if (isMark(tokens[at], ',')) return wordAt(tokens, 0) === 'truncate';
  return wordAt(tokens, at - 1) === 'or' && wordAt(tokens, at - 2) === 'update';
}

/** The place before a name, its schema and ONLY. */
function beforeName(tokens: readonly SqlWord[], index: number): number {
  let at = index - 1;
  while (isMark(tokens[at], '.')) at -= 2;
  return wordAt(tokens, at) === 'only' ? at - 1 : at;
}

function standsOnTable(tokens: readonly SqlWord[]): boolean {
  return tokens.slice(0, LONGEST_HEAD).some((_, i) => ON_TABLES.has(wordAt(tokens, i)));
}

const PUBLISHED: ReadonlySet<string> = new Set(PUBLISHED_NAMES);

/** Schemas in which a published table may be named; elsewhere stands somebody else's. */
const OUR_SCHEMAS: ReadonlySet<string> = new Set(['main', 'public']);

/** Refuses to write to the ledger. */
export function writesLedger(tokens: readonly SqlWord[]): Refusal | undefined {
  const isLedger = (index: number) => tokens[index]?.text.toLowerCase() === 'migrations';
  if (!tokens.some((_, i) => isLedger(i) && isPublished(tokens, i) && isWritten(tokens, i))) {
    return undefined;
  }
  return {
    problem: "a query can't write to the ledger, the table migrations",
    hint: 'It says which migrations have run. Give your own to the option migrations of PylonDb.open.',
  };
}

/** Refuses to drop a published table, or to redefine what it has. */
export function breaksPublished(tokens: readonly SqlWord[]): Refusal | undefined {
  const broken = tokens.find((_, i) => isPublished(tokens, i) && isBroken(tokens, i));
  if (broken === undefined) return undefined;
  return {
    problem: `this would take the table ${broken.text.toLowerCase()} from other programs, as it is published`,
    hint: 'Adding a column, index or trigger is fine. Other changes go into the option migrations of PylonDb.open, which looks at them before it commits.',
  };
}

function isPublished(tokens: readonly SqlWord[], index: number): boolean {
  if (!PUBLISHED.has(tokens[index]?.text.toLowerCase() ?? '')) return false;
  if (!isMark(tokens[index - 1], '.')) return true;
  return OUR_SCHEMAS.has(tokens[index - 2]?.text.toLowerCase() ?? '');
}

function isBroken(tokens: readonly SqlWord[], index: number): boolean {
  if (wordAt(tokens, 1) !== 'table') return false;
  const at = beforeName(tokens, index);
  const isTarget = ['table', 'exists'].includes(wordAt(tokens, at));
  if (wordAt(tokens, 0) === 'drop') return isTarget || isMark(tokens[at], ',');
  if (wordAt(tokens, 0) !== 'alter' || !isTarget) return false;
  const actions = tokens.slice(index + 1);
  if (demandsColumn(actions)) return true;
  return actions.some((_, i) => {
    const begins = i === 0 || isMark(actions[i - 1], ',') || isMark(actions[i - 1], '*');
    return begins && REDEFINING.has(wordAt(actions, i));
  });
}

/** `add column x text not null`: inserts of other programs don't name it. */
function demandsColumn(actions: readonly SqlWord[]): boolean {
  const words = actions.map((_, i) => wordAt(actions, i));
  return (
    words[0] === 'add' &&
    !CONSTRAINTS.has(words[1] ?? '') &&
    words.some((word, i) => word === 'not' && words[i + 1] === 'null') &&
    !words.some((word) => FILLS_COLUMN.has(word))
  );
}

const CONSTRAINTS: ReadonlySet<string> = new Set([
  ...['constraint', 'check', 'unique', 'primary', 'foreign', 'exclude'],
]);

/** What gives a column its value where an insert doesn't. */
const FILLS_COLUMN: ReadonlySet<string> = new Set([
  ...['default', 'generated', 'smallserial', 'serial', 'bigserial'],
]);

/** What of ALTER TABLE takes away or changes what is there. */
const REDEFINING: ReadonlySet<string> = new Set(['rename', 'drop', 'alter']);

/** The function of `names` that is called with nothing in its parentheses. */
export function calledWithNothing(
  tokens: readonly SqlWord[],
  names: ReadonlySet<string>,
): string | undefined {
  const call = tokens.findIndex((_, i) => isCallOf(tokens, i, names) && isEmptyCall(tokens, i));
  return tokens[call]?.text.toLowerCase();
}

/** Whether a name of `names`, also in quotes, stands before an opening parenthesis at `index`. */
export function isCallOf(
  tokens: readonly SqlWord[],
  index: number,
  names: ReadonlySet<string>,
): boolean {
  const token = tokens[index];
  return (
    (token?.kind === 'word' || token?.kind === 'name') &&
    isMark(tokens[index + 1], '(') &&
    names.has(token.text.toLowerCase())
  );
}

/** `f()`, `f(*)`, `f(distinct)`: a table or CTE of such a name has columns there. */
function isEmptyCall(tokens: readonly SqlWord[], index: number): boolean {
  const first = tokens[index + 2];
  const isFiller = isMark(first, '*') || isWord(first, 'distinct') || isWord(first, 'all');
  return isMark(tokens[isFiller ? index + 3 : index + 2], ')');
}

/** Why TEMP objects are refused. */
export const TEMPORARY: Refusal = {
  problem: "TEMP objects can't be made by a query",
  hint: 'They belong to one connection, and queries use several. Use WITH, or a table of your own.',
};
