import type { Ask } from './ask.js';
import { INSUFFICIENT_PRIVILEGE, unwrapFailure } from './failures.js';
import { isServerError, type MissingRight } from './server-error.js';

/**
 * What the role lacks on the objects that a message names. The message is in the server's language,
 * but names of objects are the same in all; it says which object, and not which right.
 */
const LACKS = `
  with lacks as (
    select c.relname as named, c.oid::regclass::text as object, p.privilege,
        pg_table_is_visible(c.oid) as is_visible
      from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p(privilege)
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and position(c.relname::text in $1) > 0
        and not has_table_privilege(c.oid, p.privilege)
    union all
    select relname, oid::regclass::text, 'OWNER', pg_table_is_visible(oid) from pg_class
      where relkind in ('r', 'p', 'v', 'm', 'f') and position(relname::text in $1) > 0
        and not pg_has_role(relowner, 'USAGE')
    union all
    select relname, 'SEQUENCE ' || oid::regclass, 'USAGE', pg_table_is_visible(oid) from pg_class
      where position(relname::text in $1) > 0
        and case when relkind = 'S' then not has_sequence_privilege(oid, 'USAGE') end
    union all
    select nspname, 'SCHEMA ' || quote_ident(nspname), p.privilege, true
      from pg_namespace, unnest(array['CREATE', 'USAGE']) p(privilege)
      where position(nspname::text in $1) > 0 and not has_schema_privilege(oid, p.privilege)
    union all
    select current_database(), 'DATABASE ' || quote_ident(current_database()), 'CREATE', true
      where position(current_database()::text in $1) > 0
        and not has_database_privilege(current_database(), 'CREATE')
  )
  select named, object, privilege, quote_ident(current_user) as role
  from lacks order by is_visible desc, object, privilege`;

/** The server's functions that refuse for want of a right or of ownership. */
const ACL_CHECK = 'aclcheck_error';

interface Lack {
  readonly named: string;
  readonly object: string;
  readonly privilege: string;
  readonly role: string;
}

/**
 * Adds to what the server refused for want of a right which right of which object that is, where it
 * can be found out. `sql` is the statement that failed. Never throws.
 */
export async function nameMissingRight(failure: unknown, sql: string, ask: Ask): Promise<void> {
  const error = unwrapFailure(failure);
  if (!isServerError(error) || error.code !== INSUFFICIENT_PRIVILEGE) return;
  // A policy for rows, and what only a superuser may, are refused by others.
  if (error.missingRight !== undefined || error.routine?.startsWith(ACL_CHECK) !== true) return;
  try {
    const { message } = error;
    const { rows } = await ask((client) => client.query<Lack>(LACKS, [message]));
    error.missingRight = missingRight(ofObject(rows, message), sql);
  } catch {
    // Then the server's own words have to do.
  }
}

/** Of the objects whose names stand in a message the last: sentences begin with what they say. */
function ofObject(lacks: readonly Lack[], message: string): readonly Lack[] {
  const place = ({ named }: Lack) => lastPlace(named, message);
  const last = Math.max(0, ...lacks.map(place));
  return lacks.filter((lack) => place(lack) === last);
}

/** Where a name stands last that is not a part of a longer one; else -1. */
function lastPlace(name: string, message: string): number {
  let at = message.length;
  do at = message.lastIndexOf(name, at - 1);
  while (at > 0 && [message[at - 1], message[at + name.length]].some(isOfName));
  return at;
}

function isOfName(character = ' '): boolean {
  return /[\p{L}\p{N}_$]/u.test(character);
}

function missingRight(lacks: readonly Lack[], sql: string): MissingRight | undefined {
  const needed = neededBy(sql);
  const lack = lacks.find(({ privilege }) => needed.has(privilege)) ?? lacks[0];
  if (lack === undefined) return undefined;
  const { object, role } = lack;
  const ofIt = lacks.filter((other) => other.object === object).map(({ privilege }) => privilege);
  const rights = ofIt.filter((privilege) => needed.has(privilege));
  if (rights.length > 0) {
    return {
      problem:
        `the role ${role} lacks ${rights.join(' and ')} on ${object}: ` +
        `GRANT ${rights.join(', ')} ON ${object} TO ${role}`,
      isToRead: rights.every((privilege) => READING.has(privilege)),
    };
  }
  if (!ofIt.includes(OWNER)) return undefined;
  return { problem: `the role ${role} doesn't own ${object}`, isToRead: false };
}

/** What no GRANT gives: some changes of a table are its owner's. */
const OWNER = 'OWNER';

const READING: ReadonlySet<string> = new Set(['SELECT', 'USAGE']);

/** Every right that a statement may need; of these, the role lacks what the server missed. */
function neededBy(sql: string): ReadonlySet<string> {
  const words = sql.toUpperCase().match(/\b[A-Z]+\b/g) ?? [];
  const needed = new Set(words);
  // Whatever it is, it has to find its objects.
  needed.add('USAGE');
  // An UPDATE or DELETE reads what it compares and gives back.
  if (needed.has('WHERE') || needed.has('RETURNING')) needed.add('SELECT');
  needed.delete(OWNER);
  return needed;
}
