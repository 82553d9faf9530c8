import type { RawResult } from '../engine/kysely-connection.js';
import { PUBLISHED_NAMES } from '../schema/names.js';
import { enumeratedTexts } from '../schema/server-checks.js';
import { PUBLISHED_INDEXES } from '../schema/tables.js';
import {
  type ColumnFacts,
  enumerationText,
  keyText,
  type LiveTables,
  NONE,
  type TableFacts,
} from './published-check.js';

/** What a server can be asked through: a session, or a migration's transaction. */
export interface Asked {
  raw(sql: string, parameters: readonly unknown[]): Promise<RawResult>;
}

/** Reads what the schema that comes first in the search path says of the published tables it has. */
export async function readServerFacts(server: Asked): Promise<LiveTables> {
  const columns = await texts(server, COLUMNS);
  const rules = await texts(server, CONSTRAINTS);
  const tables = new Map<string, TableFacts>();
  for (const [table = '', kind = '', name = '', ...row] of columns) {
    const oddity = ODDITIES[kind];
    const found = tables.get(table) ?? { columns: new Map<string, ColumnFacts>(), oddity };
    const about = rules.filter((rule) => rule[0] === table && rule.slice(3).includes(name));
    const facts = columnFacts(name, row, about);
    // Of what is not a table the name is all that counts.
    const more: [string, ColumnFacts][] = kind === 'v' || kind === 'm' ? [] : [[name, facts]];
    tables.set(table, { ...found, columns: new Map([...found.columns, ...more]) });
  }
  return tables;
}

/** What of the published indexes a schema has under their names, but as others. */
export async function serverIndexProblems(server: Asked): Promise<string[]> {
  const { rows } = await server.raw(INDEXES, [Object.keys(PUBLISHED_INDEXES)]);
  return rows
    .filter(({ name, place }) => place !== PUBLISHED_INDEXES[String(name)])
    .map(({ name, place }) => {
      const published = PUBLISHED_INDEXES[String(name)];
      return place === null
        ? `${name} is not an index`
        : `index ${name} is on ${place}, not on ${published}`;
    });
}

const ODDITIES: Readonly<Record<string, string>> = {
  v: 'of type view',
  m: 'of type materialized view',
  f: 'of type foreign table',
};

function columnFacts(
  name: string,
  [type = '', collation = '', isNotNull, identity = '', generated, value = '']: readonly string[],
  rules: readonly (readonly string[])[],
): ColumnFacts {
  const ofType = (letter: string) => rules.filter(([, contype]) => contype === letter);
  const [key] = ofType('p');
  return {
    type: [
      TYPES[type] ?? type,
      collation === '' ? '' : ` COLLATE ${collation}`,
      generated === '' ? '' : ' GENERATED',
    ].join(''),
    nullability: isNotNull === 'true' ? 'NOT NULL' : 'nullable',
    default: value === '' || generated !== '' ? NONE.default : `DEFAULT ${defaultText(value)}`,
    key: keyOf(name, key, identity),
    references: joined(
      ofType('f').map(([, , sql = '']) => sql.replace(/^.* (?=REFERENCES )/, '')),
      NONE.references,
    ),
    checks: joined(
      ofType('c').map(([, , sql = '', ...columns]) => {
        const values = columns.length === 1 ? enumeratedTexts(sql) : undefined;
        return values === undefined ? sql : enumerationText(name, values);
      }),
      NONE.checks,
    ),
    unique: ofType('u').some((rule) => rule.length === 4),
  };
}

function keyOf(name: string, key: readonly string[] | undefined, identity: string): string {
  const made = identity !== '';
  if (key === undefined) return made ? 'no key, but made by the database' : NONE.key;
  const columns = key.slice(3);
  const text = keyText({ made, place: [columns.indexOf(name) + 1, columns.length] });
  return identity === 'a' ? `${text}, always` : text;
}

const TYPES: Readonly<Record<string, string>> = { text: 'TEXT', bigint: 'INTEGER' };

/** As SQLite has it, where it means the same. */
function defaultText(sql: string): string {
  return NOW.test(sql) ? 'unixepoch()' : sql.replace(/^'?0'?(?:::bigint)?$/, '0');
}

/** Older servers print `date_part`. */
const NOW =
  /^\(?floor\((?:EXTRACT\(epoch FROM now\(\)\)|date_part\('epoch'::text, now\(\)\))\)\)?::bigint$/;

function joined(found: readonly string[], none: string): string {
  return found.length === 0 ? none : [...new Set(found)].sort().join(' ');
}

/** Each row's one column, an array of texts. */
async function texts(server: Asked, sql: string): Promise<string[][]> {
  const { rows } = await server.raw(sql, [PUBLISHED_NAMES]);
  return rows.map(({ texts }) => (Array.isArray(texts) ? texts.map(String) : []));
}

const PUBLISHED_CLASSES = `c.relname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and c.relnamespace = to_regnamespace(quote_ident(current_schema()))`;

const COLUMNS = `
  select array[c.relname::text, c.relkind::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
    case when a.attcollation <> t.typcollation then l.collname::text else '' end,
    a.attnotnull::text, a.attidentity::text, a.attgenerated::text,
    coalesce(pg_get_expr(d.adbin, d.adrelid, true), '')] as texts
  from pg_catalog.pg_class c
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_collation l on l.oid = a.attcollation
  left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where ${PUBLISHED_CLASSES}
  order by c.relname, a.attnum`;

// NOT NULL is the column's own, in newer servers a constraint as well.
const CONSTRAINTS = `
  select array[c.relname::text, r.contype::text, pg_get_constraintdef(r.oid)] || array(
      select a.attname::text
      from unnest(r.conkey) with ordinality as k (attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      order by k.place
    ) as texts
  from pg_catalog.pg_constraint r join pg_catalog.pg_class c on c.oid = r.conrelid
  where ${PUBLISHED_CLASSES} and r.contype in ('c', 'f', 'p', 'u')`;

const INDEXES = `
  select i.relname::text as name,
    max(t.relname) || '(' || string_agg(a.attname, ', ' order by k.place) || ')' as place
  from pg_catalog.pg_class i
  left join pg_catalog.pg_index x on x.indexrelid = i.oid
  left join pg_catalog.pg_class t on t.oid = x.indrelid
  left join lateral unnest(x.indkey::int2[]) with ordinality as k (attnum, place) on true
  left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum
  where i.relname = any($1) and i.relnamespace = to_regnamespace(quote_ident(current_schema()))
  group by i.relname`;
