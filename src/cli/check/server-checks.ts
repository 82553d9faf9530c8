import type { OnProgress } from '../../backup/progress.js';
import type { Session } from '../../engine/postgres/session.js';
import { type Finding, findingsOf, rowName, Tally } from './finding.js';
import { PAID_JOBS, TICK_COUNTS } from './invariants.js';
import { oddHashes, Payments, repeatedHashes, repeatsOf, standingHashes } from './payments.js';
import { type CheckedColumns, columnsOf, missingColumn } from './read-columns.js';
import type { RowCheck } from './row-check.js';
import type { Found, SkippedCheck } from './run-checks.js';
import { eachServerRow, SERVER } from './server-rows.js';
import { checkConstraints, checkIndexes, checkTriggers } from './server-structure.js';
import { CHECKED_TABLES, type CheckedTable, TableValues, valuesQuery } from './values.js';
import { WrongTimes } from './wrong-times.js';

/** One check of a server: it is left out where a table or column that it reads is missing. */
interface ServerCheck {
  readonly name: string;
  readonly reads: readonly (keyof CheckedColumns)[];
  readonly readsRows: boolean;
  run(session: Session, times: WrongTimes): Promise<readonly Finding[]>;
}

const CHECKS: readonly ServerCheck[] = [
  { name: 'indexes', reads: [], readsRows: false, run: checkIndexes },
  { name: 'constraints', reads: [], readsRows: false, run: checkConstraints },
  { name: 'triggers', reads: [], readsRows: false, run: checkTriggers },
  {
    name: 'paid-jobs',
    reads: ['jobs', 'earnings'],
    readsRows: true,
    run: (session) => broken(session, PAID_JOBS),
  },
  { name: 'repeated-payments', reads: ['earnings'], readsRows: true, run: checkPayments },
  {
    name: 'tick-counts',
    reads: ['agents', 'tick_history'],
    readsRows: true,
    run: (session) => broken(session, TICK_COUNTS),
  },
  ...CHECKED_TABLES.map((table) => ({
    name: `values of ${table}`,
    reads: [table],
    readsRows: true,
    run: (session: Session, times: WrongTimes) => checkValues(session, table, times),
  })),
];

/** What a file is checked for, and a server takes care of. */
const SERVERS_OWN: readonly SkippedCheck[] = [
  { check: 'integrity', reason: "the server's own: pg_amcheck" },
  { check: 'foreign-keys', reason: 'the server enforces them' },
  { check: 'rollups', reason: 'views: they are counted when they are read' },
  { check: 'file-modes', reason: "the server's own" },
];

/**
 * Runs the checks in the session's open transaction, which shows one state of the database; `quick`
 * leaves out those of rows.
 */
export async function runServerChecks(
  session: Session,
  quick: boolean,
  report: OnProgress,
): Promise<Found> {
  const findings: Finding[] = [];
  const skipped: SkippedCheck[] = [...SERVERS_OWN];
  const times = new WrongTimes(SERVER.correctedWith);
  const live = await columnsOf(session);
  for (const [done, { name, reads, readsRows, run }] of CHECKS.entries()) {
    report({ step: name, done, total: CHECKS.length, unit: 'steps' });
    const reason = quick && readsRows ? '--quick' : missingColumn(live, reads);
    if (reason === undefined) findings.push(...(await run(session, times)));
    else skipped.push({ check: name, reason });
  }
  return { findings: [...findings, ...times.findings()], skipped };
}

async function broken<Row>(session: Session, check: RowCheck<Row>): Promise<Finding[]> {
  const tally = new Tally();
  await eachServerRow(session, check.query(SERVER), (row) => tally.add(check.nameOf(row)));
  return findingsOf(tally, check.text(tally.count));
}

async function checkPayments(session: Session): Promise<Finding[]> {
  const payments = new Payments();
  await eachServerRow(session, repeatedHashes(SERVER), (row) => payments.addRepeated(row));
  await eachServerRow(session, oddHashes(SERVER), (row) => payments.addOdd(row));
  for (const hashes of payments.asked()) {
    await eachServerRow(session, standingHashes(SERVER, hashes), (row) =>
      payments.addStanding(row),
    );
  }
  const shown = new Tally();
  for (const spellings of payments.repeated()) {
    await eachServerRow(session, repeatsOf(SERVER, spellings), ({ id, rowid }) =>
      shown.add(rowName(id, rowid)),
    );
  }
  return payments.findings(shown.rows);
}

async function checkValues(
  session: Session,
  table: CheckedTable,
  times: WrongTimes,
): Promise<Finding[]> {
  const values = new TableValues(table, SERVER.correctedWith, times);
  await eachServerRow(session, valuesQuery(SERVER, table), (row) => values.add(row));
  return values.findings();
}
