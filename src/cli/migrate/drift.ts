import type Database from 'better-sqlite3';
import type { Drift } from '../../migrate/drift.js';
import { isMark, type SqlToken, tableDefinitions, tokenizeSql } from '../../schema/sql-tokens.js';

interface SchemaObject {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

/** Names of this form are ours, so that one which no migration makes is drift too. */
const OURS = /^pylon_db_/i;

/**
 * What differs in `live` from a database that only migrations made. Other programs' objects, and
 * their columns in our tables, are not drift; nor are case, quotes, comments and white space.
 */
export function findDrift(live: Database.Database, migrated: Database.Database): Drift[] {
  const found = new Map(readObjects(live).map((object) => [keyOf(object), object]));
  const expected = new Map(readObjects(migrated).map((object) => [keyOf(object), object]));
  const drift: Drift[] = [];
  for (const [key, object] of expected) {
    const problem = problemOf(object, found.get(key));
    if (problem !== undefined) {
      drift.push({
        ...named(object, problem),
        expected: object.sql,
        found: found.get(key)?.sql ?? null,
      });
    }
  }
  for (const [key, object] of found) {
    if (!OURS.test(object.name) || expected.has(key)) continue;
    drift.push({
      ...named(object, 'belongs to no applied migration'),
      expected: null,
      found: object.sql,
    });
  }
  return drift;
}

function named({ type, name }: SchemaObject, problem: string) {
  return { type, name, problem };
}

/** Tables and views share their names; the type of each is part of the definition. */
function keyOf({ name }: SchemaObject): string {
  return name.toLowerCase();
}

function readObjects(db: Database.Database): SchemaObject[] {
  return db
    .prepare<[], SchemaObject>(
      `select type, name, sql from sqlite_master
       where sql is not null and name not like 'sqlite\\_%' escape '\\'
       order by type desc, name`,
    )
    .all();
}

function problemOf(expected: SchemaObject, found: SchemaObject | undefined): string | undefined {
  if (found === undefined) return 'is missing';
  const [wanted, actual] = [tokenizeSql(expected.sql), tokenizeSql(found.sql)];
  if (normal(wanted) === normal(actual)) return undefined;
  if (expected.type !== 'table' || found.type !== 'table') return 'is redefined';
  return tableProblem(wanted, actual);
}

/** Others may have added columns; ours, the constraints and the table's options must stand. */
function tableProblem(
  wanted: readonly SqlToken[],
  actual: readonly SqlToken[],
): string | undefined {
  const ours = tableDefinitions(wanted);
  const theirs = tableDefinitions(actual);
  const [expected, found] = [new Set(ours.map(normal)), new Set(theirs.map(normal))];
  const changed = ours.filter((definition) => !found.has(normal(definition)));
  const added = theirs.filter(
    (definition) => isConstraint(definition) && !expected.has(normal(definition)),
  );
  const lines = [
    ...changed.map((definition) => `lacks «${sqlOf(definition)}»`),
    ...added.map((definition) => `has «${sqlOf(definition)}»`),
    ...(options(wanted) === options(actual) ? [] : ['has other table options']),
  ];
  return lines.length === 0 ? undefined : lines.join(', ');
}

const CONSTRAINT = /^(?:constraint|primary|unique|check|foreign)$/i;

function isConstraint([first]: readonly SqlToken[]): boolean {
  return first?.kind === 'word' && CONSTRAINT.test(first.text);
}

/** What stands behind the closing parenthesis: WITHOUT ROWID, STRICT. */
function options(tokens: readonly SqlToken[]): string {
  return normal(tokens.slice(tokens.findLastIndex((token) => isMark(token, ')')) + 1));
}

/** Equal for the same SQL, however it is quoted and laid out. */
function normal(tokens: readonly SqlToken[]): string {
  return tokens
    .map(({ kind, text }) => (kind === 'string' ? `'${text}'` : text.toLowerCase()))
    .join('\u0000');
}

function sqlOf(tokens: readonly SqlToken[]): string {
  return tokens
    .map(({ kind, text }) => (kind === 'string' ? `'${text.replaceAll("'", "''")}'` : text))
    .join(' ')
    .replace(/ (?=[,)(])|(?<=\() /g, '');
}
