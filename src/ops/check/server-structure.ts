import type { Session } from '../../engine/postgres/session.js';
import { counted } from '../counted.js';
import { type Finding, findingsOf, Tally } from './finding.js';

/** Catalogs: the builder has no words for them. Only the schema of the search path is looked at. */
const HERE = 'to_regnamespace(quote_ident(current_schema()))';

/** Indexes that the server doesn't use: CREATE INDEX CONCURRENTLY failed halfway. */
export async function checkIndexes(session: Session): Promise<Finding[]> {
  const tally = await named(
    session,
    `select c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
     where c.relnamespace = ${HERE} and not (i.indisvalid and i.indisready) order by 1`,
  );
  return findingsOf(tally, {
    check: 'indexes',
    problem: `${tally.count === 1 ? '1 index' : `${tally.count} indexes`} not valid: no query uses it`,
    mend: 'Run REINDEX INDEX CONCURRENTLY with the name in psql, or drop it.',
  });
}

/** Constraints that rows from before them were never compared with. */
export async function checkConstraints(session: Session): Promise<Finding[]> {
  const tally = await named(
    session,
    `select c.relname || ' ' || r.conname from pg_catalog.pg_constraint r
     join pg_catalog.pg_class c on c.oid = r.conrelid
     where c.relnamespace = ${HERE} and not r.convalidated order by 1`,
  );
  return findingsOf(tally, {
    check: 'constraints',
    problem: `${counted(tally.count, 'constraint')} not valid: older rows may break it`,
    mend: 'Run ALTER TABLE … VALIDATE CONSTRAINT … in psql; it names the first row that breaks it.',
  });
}

async function named(session: Session, sql: string): Promise<Tally> {
  const tally = new Tally();
  for (const [name] of (await session.texts(sql, [])).rows) tally.add(String(name));
  return tally;
}
