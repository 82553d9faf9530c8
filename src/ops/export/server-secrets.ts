import type { Session } from '../../engine/postgres/session.js';
import { PylonDbError } from '../../errors.js';
import type { ServerQuestion } from '../query/server-question.js';
import { SECRET } from './tables.js';

// The plan tells what a query reads, views seen through: each node names the expressions that it
// computes and compares. What can't be read there is refused: functions of others, those that run
// SQL from a text, other servers' tables, and statistics, which hold values of the column.

/**
 * Throws `INVALID_ARGUMENT` unless the server's plan of a query shows that it reads no preimage, in
 * its result or on the way to it. Copies that others made in tables of their own can't be known.
 */
export async function refuseServerPreimages(
  session: Session,
  { sql, values, words }: ServerQuestion,
): Promise<void> {
  // As a subquery: of one table alone, a plan names columns without their table.
  const asked = `select q.* from (${sql.replace(/;\s*$/, '')}\n) q`;
  const { rows } = await session.texts(
    `explain (verbose, costs off, format json) ${asked}`,
    values,
  );
  const plan: unknown = JSON.parse(rows[0]?.[0] ?? 'null');
  const names = new Set([...words, ...calledIn(plan)]);
  const harmless = new Harmless(new Set(aliasesIn(plan)), await harmlessColumns(session));
  if (
    readsSecret(plan, undefined, harmless) ||
    [...names].some((name) => RUNS_SQL.test(name)) ||
    (await isOthersFunction(session, [...names]))
  ) {
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `the query reads ${SECRET.table}.${SECRET.column}, or may read it out of sight`,
      { field: 'sql' },
      { operation: '', hint: 'Name the columns without it, or add --include-secrets.' },
    );
  }
}

/** The server's own functions that run SQL from a text, or read a table by its name. */
const RUNS_SQL = /^(?:(?:query|table|cursor|schema|database)_to_xml\w*|ts_stat|ts_rewrite)$/;

/** Nodes that don't tell what they read. */
const OPAQUE = new Set(['Foreign Scan', 'Custom Scan', 'Table Function Scan']);

/** Nodes that name the columns of their inputs as these do. Others give them names of their own. */
const NAMES_AS_INPUT = new Set([
  'Aggregate',
  'Group',
  'Hash',
  'Hash Join',
  'Merge Join',
  'Nested Loop',
  'WindowAgg',
]);

const MENTIONS = new RegExp(SECRET.column, 'i');

/** A name as plans write it. */
const NAME = '"(?:[^"]|"")+"|[\\w$]+';
const COLUMN = new RegExp(`(${NAME})\\.(${NAME}|\\*)`, 'g');
const ONLY_COLUMN = new RegExp(`^(?:${NAME})\\.(?:${NAME})$`);

/** Which columns of the table with the secret may be read, by any of its aliases in a plan. */
class Harmless {
  readonly #aliases: ReadonlySet<string>;
  readonly #columns: ReadonlySet<string>;

  constructor(aliases: ReadonlySet<string>, columns: ReadonlySet<string>) {
    this.#aliases = aliases;
    this.#columns = columns;
  }

  /**
   * Whether an expression names another column, or the whole row. A query may name columns anew
   * (`earnings as e (a, b)`), so only known names are let through.
   */
  isBrokenBy(expression: string): boolean {
    if (MENTIONS.test(expression)) return true;
    for (const [, alias = '', column = ''] of expression.matchAll(COLUMN)) {
      if (this.#aliases.has(unquoted(alias)) && !this.#columns.has(unquoted(column))) return true;
    }
    return false;
  }
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** The names by which a plan calls the table with the secret. */
function aliasesIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(aliasesIn);
  if (!isObject(node)) return [];
  const own = node['Relation Name'] === SECRET.table ? [String(node['Alias'])] : [];
  return [...own, ...Object.values(node).flatMap(aliasesIn)];
}

async function harmlessColumns(session: Session): Promise<Set<string>> {
  const { rows } = await session.texts(
    `select a.attname from pg_catalog.pg_attribute a
     join pg_catalog.pg_class c on c.oid = a.attrelid where c.relname = $1 and a.attname <> $2`,
    [SECRET.table, SECRET.column],
  );
  return new Set(rows.map(([name]) => String(name)));
}

function readsSecret(node: unknown, parent: string | undefined, harmless: Harmless): boolean {
  if (Array.isArray(node)) return node.some((item) => readsSecret(item, parent, harmless));
  if (!isObject(node)) return typeof node === 'string' && harmless.isBrokenBy(node);
  const { 'Node Type': type, 'Relation Name': relation } = node;
  if (typeof type === 'string' && OPAQUE.has(type)) return true;
  if (typeof relation === 'string' && relation.startsWith('pg_statistic')) return true;
  const inputOf = node['Parent Relationship'];
  const mayDrop =
    relation === SECRET.table &&
    (inputOf === 'Outer' || inputOf === 'Inner') &&
    parent !== undefined &&
    NAMES_AS_INPUT.has(parent);
  return Object.entries(node).some(([key, value]) => {
    if (key === 'Plans' || key === 'Plan') {
      return readsSecret(value, typeof type === 'string' ? type : undefined, harmless);
    }
    const own = key === 'Output' && mayDrop ? withoutBare(value) : value;
    return readsSecret(own, undefined, harmless);
  });
}

/** A scan gives its parent all columns where that is cheaper; what the parent uses, it names. */
function withoutBare(output: unknown): unknown {
  return Array.isArray(output) ? output.filter((item) => !ONLY_COLUMN.test(String(item))) : output;
}

/** The functions that a plan names, in lower case and without their schema. */
function calledIn(node: unknown): string[] {
  if (typeof node === 'string') {
    return [...node.matchAll(/([\w$]+)"?\(/g)].map(([, name = '']) => name.toLowerCase());
  }
  if (Array.isArray(node)) return node.flatMap(calledIn);
  if (!isObject(node)) return [];
  const { 'Function Name': name } = node;
  return [
    ...(typeof name === 'string' ? [name.toLowerCase()] : []),
    ...Object.values(node).flatMap(calledIn),
  ];
}

async function isOthersFunction(session: Session, names: readonly string[]): Promise<boolean> {
  const { rows } = await session.texts(
    `select 1 from pg_catalog.pg_proc p
     join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where n.nspname not in ('pg_catalog', 'information_schema')
     and pg_catalog.lower(p.proname) in (select pg_catalog.json_array_elements_text($1::json))
     limit 1`,
    [JSON.stringify(names)],
  );
  return rows.length > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
