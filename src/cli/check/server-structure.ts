import { CURRENT_SCHEMA, type Session } from '../../engine/postgres/session.js';
import { PUBLISHED_NAMES } from '../../schema/names.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, Tally } from './finding.js';
import type { Check, SkippedCheck } from './run-checks.js';
import { foreignTriggersFound } from './schema-findings.js';
import { checkServerRollups, keepsTotals } from './server-rollups.js';

/** What a server is checked for besides its rows. */
export function checksOfServer(session: Session, applied: readonly string[]): Check[] {
  return [
    { name: 'indexes', isQuick: true, run: () => checkIndexes(session) },
    { name: 'constraints', isQuick: true, run: () => checkConstraints(session) },
    { name: 'triggers', isQuick: true, run: () => checkTriggers(session) },
    ...(keepsTotals(applied)
      ? [{ name: 'rollups', reads: ROLLUPS_READ, run: () => checkServerRollups(session) }]
      : []),
  ];
}

const ROLLUPS_READ = ['earnings', 'pylon_db_earning_totals', 'pylon_db_paid_jobs'] as const;

/** What a file is checked for, and a server takes care of. */
export const SERVERS_OWN: readonly SkippedCheck[] = [
  { check: 'integrity', reason: "the server's own: pg_amcheck" },
  { check: 'foreign-keys', reason: 'the server enforces them' },
  { check: 'file-modes', reason: "the server's own" },
];

/** Indexes that the server doesn't use: CREATE INDEX CONCURRENTLY failed halfway. */
async function checkIndexes(session: Session): Promise<Finding[]> {
  const tally = await named(
    session,
    `select c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
     where c.relnamespace = ${CURRENT_SCHEMA} and not (i.indisvalid and i.indisready) order by 1`,
  );
  return findingsOf(tally, {
    check: 'indexes',
    severity: 'note',
    problem: `${tally.count === 1 ? '1 index' : `${tally.count} indexes`} not valid: no query uses it`,
    mend: 'Run REINDEX INDEX CONCURRENTLY with the name in psql, or drop it.',
  });
}

/** Constraints that rows from before them were never compared with. */
async function checkConstraints(session: Session): Promise<Finding[]> {
  const tally = await named(
    session,
    `select c.relname || ' ' || r.conname from pg_catalog.pg_constraint r
     join pg_catalog.pg_class c on c.oid = r.conrelid
     where c.relnamespace = ${CURRENT_SCHEMA} and not r.convalidated order by 1`,
  );
  return findingsOf(tally, {
    check: 'constraints',
    severity: 'note',
    problem: `${counted(tally.count, 'constraint')} not valid: older rows may break it`,
    mend: 'Run ALTER TABLE … VALIDATE CONSTRAINT … in psql; it names the first row that breaks it.',
  });
}

/** Triggers and rules of other programs on the published tables and on ours, switched off ones as well. */
async function checkTriggers(session: Session): Promise<Finding[]> {
  const { rows } = await session.texts(TRIGGERS, [`{${PUBLISHED_NAMES.join()}}`]);
  return foreignTriggersFound(
    rows.map(([name]) => String(name)),
    '\\d TABLE in psql names them, \\sf FUNCTION shows what they run',
  );
}

const TRIGGERS = `
  select f.name || ' on ' || c.relname
  from pg_catalog.pg_class c
  join (
    select tgrelid as relation, tgname as name from pg_catalog.pg_trigger
    where not tgisinternal and tgname !~ '^pylon_db_'
    union all
    select ev_class, rulename from pg_catalog.pg_rewrite
  ) f on f.relation = c.oid
  where c.relnamespace = ${CURRENT_SCHEMA} and c.relkind in ('r', 'p')
    and (c.relname = any($1::text[]) or c.relname ~ '^pylon_db_')
  order by c.relname, f.name`;

async function named(session: Session, sql: string): Promise<Tally> {
  const tally = new Tally();
  for (const [name] of (await session.texts(sql, [])).rows) tally.add(String(name));
  return tally;
}
