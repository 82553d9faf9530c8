import { OWN_SERVER_OBJECTS, type OwnObject } from '../../generated/own-objects.js';
import { hasRacedForTables } from '../engine/postgres/failures.js';
import {
  isServerError,
  messageWithoutValues,
  type ServerError,
} from '../engine/postgres/server-error.js';
import { CURRENT_SCHEMA } from '../engine/postgres/session.js';
import type { Asked } from './server-facts.js';

// `drop table … cascade` takes views, indexes and triggers along, and a view or a trigger stays on a
// table that is renamed. So our own objects are looked for. Their SQL is compared by `check` only: a
// server gives it back in its own words.

/**
 * Whether a table of `pg_class` can have the triggers that keep totals: not one of several parts, which
 * are written by themselves, nor on Citus, which has none.
 */
const CAN_KEEP = `t.relkind = 'r'
        and not exists (select 1 from pg_catalog.pg_inherits h where h.inhparent = t.oid)
        and not exists (select 1 from pg_catalog.pg_extension where extname = 'citus')`;

/** The search path that a function of ours is bound to, where the schema wasn't renamed since. */
const BOUND_PATH = `'search_path=pg_catalog, ' || quote_ident(current_schema()) || ', pg_temp'`;

/** One of our own objects, and what a server has of it. */
export interface StandingObject {
  readonly own: OwnObject;
  /** The `relkind` of what has its name, if anything. */
  readonly kind: string | undefined;
  /** Whether it is missing, something else, or stands on another table. */
  readonly isLost: boolean;
  /** Whether the role may make it. */
  readonly mayBeMade: boolean;
}

/**
 * Gives each of our own objects in the schema that comes first in the search path: its name, what
 * has that name, whether it is lost, and whether the role may make it. Cheap: open asks it.
 */
export const OWN_OBJECTS_LOOK = `
  select own.type || ' ' || own.name as key, c.relkind::text as kind,
    (case own.type
      when 'table' then c.relkind in ('r', 'p')
      when 'index' then c.relkind in ('i', 'I') and (
        -- A published one is never redefined.
        own.name !~ '^pylon_db_'
        or exists (select 1 from pg_catalog.pg_index x where x.indexrelid = c.oid and x.indrelid = t.oid))
      when 'function' then exists (
        select 1 from pg_catalog.pg_proc p
        where p.proname = own.name and p.pronamespace = ${CURRENT_SCHEMA}
          and (not p.prosecdef or ${BOUND_PATH} = any (p.proconfig) or not exists (
            select 1 from pg_catalog.pg_trigger g where g.tgfoid = p.oid)))
      when 'trigger' then not (${CAN_KEEP}) or exists (
        select 1 from pg_catalog.pg_trigger g
        where g.tgname = own.name and g.tgrelid = t.oid and g.tgenabled in ('O', 'A'))
      else c.relkind = 'v' and not exists (
        select 1 from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d on d.objid = r.oid
        join pg_catalog.pg_class u on u.oid = d.refobjid
        where r.ev_class = c.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
          and d.refclassid = 'pg_catalog.pg_class'::regclass and u.oid <> c.oid
          and (u.relnamespace <> c.relnamespace
            or u.relname not in ('jobs', 'earnings') and u.relname !~ '^pylon_db_'))
    end is not true)::text as is_lost,
    (has_schema_privilege(${CURRENT_SCHEMA}, 'create')
      and (own.type not in ('index', 'trigger') or pg_has_role(t.relowner, 'usage')))::text as may_be_made
  from (values ${OWN_SERVER_OBJECTS.map(({ type, name, table }) => `('${type}', '${name}', '${table}')`).join(', ')})
    as own (type, name, "table")
  left join pg_catalog.pg_class c on c.relname = own.name and c.relnamespace = ${CURRENT_SCHEMA}
    and own.type not in ('function', 'trigger')
  left join pg_catalog.pg_class t on t.relname = own."table" and t.relnamespace = ${CURRENT_SCHEMA}`;

/** Whether a row of {@link OWN_OBJECTS_LOOK} is of an object that is lost and may be made. */
export function isToBeMade([, , isLost, mayBeMade]: readonly unknown[]): boolean {
  return isLost === 'true' && mayBeMade === 'true';
}

/** Our own objects of the migrations `applied`, as they stand. */
export async function lookAtServerObjects(
  server: Asked,
  applied: readonly string[],
): Promise<StandingObject[]> {
  const rows = new Map(
    (await server.raw(OWN_OBJECTS_LOOK, [])).rows.map((row) => [row['key'], row]),
  );
  return OWN_SERVER_OBJECTS.filter(({ migration }) => applied.includes(migration)).map((own) => {
    const row = rows.get(`${own.type} ${own.name}`);
    return {
      own,
      kind: typeof row?.['kind'] === 'string' ? row['kind'] : undefined,
      isLost: row?.['is_lost'] === 'true',
      mayBeMade: row?.['may_be_made'] === 'true',
    };
  });
}

/** The server doesn't allow one of our own objects to be made again. */
export class CantBeMade {
  constructor(
    readonly name: string,
    readonly cause: ServerError,
  ) {}

  get problem(): string {
    return `${this.name} can't be made again: ${messageWithoutValues(this.cause)}`;
  }
}

/** Makes objects again, in the caller's transaction. Throws {@link CantBeMade}. */
export async function makeServerObjects(
  server: Asked,
  objects: readonly StandingObject[],
): Promise<void> {
  for (const { own, kind } of objects) {
    try {
      for (const statement of making(own, kind)) await server.raw(statement, []);
    } catch (error) {
      throw isRefusal(error) ? new CantBeMade(own.name, error) : error;
    }
  }
  if (objects.some(({ own }) => keepsServerTotals(own))) await recountServerTotals(server);
}

/** The migrations whose triggers keep the totals. */
const KEEPING: ReadonlySet<string> = new Set(
  OWN_SERVER_OBJECTS.filter(({ type }) => type === 'trigger').map(({ migration }) => migration),
);

/** Whether totals are wrong, or may be, when the object was missing or changed. */
function keepsServerTotals({ type, migration }: OwnObject): boolean {
  return type !== 'index' && type !== 'view' && KEEPING.has(migration);
}

/** Makes the triggers anew and counts all totals, in the caller's transaction; writers wait meanwhile. */
export async function recountServerTotals(server: Asked): Promise<void> {
  for (const sql of new Set(
    OWN_SERVER_OBJECTS.filter(({ type }) => type === 'trigger').map((own) => own.sql),
  )) {
    await server.raw(sql, []);
  }
}

const KINDS: Readonly<Record<string, string>> = {
  r: 'table',
  p: 'table',
  v: 'view',
  m: 'materialized view',
  f: 'foreign table',
  S: 'sequence',
  i: 'index',
  I: 'index',
  c: 'type',
};

function making({ type, name, sql, fill }: OwnObject, kind: string | undefined): string[] {
  // Made with all others, at the end.
  if (type === 'trigger') return [];
  if (type === 'function') return [sql];
  // Replaced, it keeps its grants, and what other programs built on it.
  if (type === 'view' && kind === 'v') return [sql];
  const standing = kind === undefined ? [] : [`drop ${KINDS[kind] ?? 'table'} "${name}"`];
  return [...standing, sql, ...(fill === undefined ? [] : [fill])];
}

/** Classes of SQLSTATE for what the schema or the role doesn't allow. */
const REFUSALS = /^(?:2B|42)/;

function isRefusal(error: unknown): error is ServerError {
  return isServerError(error) && REFUSALS.test(error.code) && !hasRacedForTables(error);
}
