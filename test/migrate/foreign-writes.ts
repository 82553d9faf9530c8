import Database from 'better-sqlite3';
import fc from 'fast-check';

// What any program may do to jobs and earnings. Few ids and rowids, so that writes collide often.

const OR = [
  '',
  '',
  '',
  'or replace',
  'or replace',
  'or ignore',
  'or abort',
  'or fail',
  'or rollback',
];
const IDS = ["'a'", "'b'", "'c'", "'d'", "'e'", 'null', "x'61'", "''"];
const ROWIDS = ['null', 'null', 'null', '1', '2', '3', '4', '-1', '0', '9007199254740993'];
const STATUSES = ["'pending'", "'processing'", "'completed'", "'failed'", "'cancelled'"];
const BAD_STATUSES = ["'odd'", "''", "x'70656e64696e67'", '7'];
const SOURCES = ["'job'", "'tip'", "'other'"];
const BAD_SOURCES = ["'gift'", "x'746970'"];
const AMOUNTS = [
  ...['0', '1', '999', '-5', '4294967296', '-4294967297', '3000000000000'],
  ...['9007199254740991', '-9007199254740991'],
];
const BAD_AMOUNTS = [
  ...['9007199254740992', '-9007199254740992', '9223372036854775807', '-9223372036854775808'],
  ...['1.5', '1e300', "'abc'", "'12abc'", "x'31'"],
];
/** Times around the borders of quarters and hours, in few hours, before 1970 too. */
export const TIMES = [
  ...['-3601', '-3600', '-1', '0', '899', '900', '1800', '2699', '2700', '3599', '3600', '4500'],
  ...['1750000000', '1750000500', '1750003599', '253402300799'],
];
const BAD_TIMES = [
  ...['9007199254740992', '9223372036854775807', '-9223372036854775808', '-9007199254740992'],
  ...['899.5', '-0.5', '-3600.5', '1e300', '-1e300', '9e999', "'soon'", "x'31'"],
];
const JOB_IDS = ['null', "'a'", "'b'", "'c'", "x'61'", '1'];

const one = (words: readonly string[]) => fc.constantFrom(...words);
const mostly = (good: readonly string[], bad: readonly string[]) =>
  fc.oneof({ weight: 6, arbitrary: one(good) }, { weight: 1, arbitrary: one(bad) });
const many = (row: fc.Arbitrary<string>) =>
  fc.array(row, { minLength: 1, maxLength: 3 }).map((rows) => rows.join(', '));

const status = mostly(STATUSES, BAD_STATUSES);
const source = mostly(SOURCES, BAD_SOURCES);
const amount = mostly(AMOUNTS, BAD_AMOUNTS);

const jobRow = fc
  .tuple(one(ROWIDS), one(IDS), status)
  .map(([rowid, id, s]) => `(${rowid}, ${id}, 1, 'c', ${s}, 1)`);
const earningRow = (time: fc.Arbitrary<string>) =>
  fc
    .tuple(one(ROWIDS), one(IDS), one(JOB_IDS), amount, source, time)
    .map((values) => `(${values.join(', ')})`);

const JOB_COLUMNS = '(rowid, id, kind, customer_pubkey, status, started_at)';
const EARNING_COLUMNS = '(rowid, id, job_id, amount_msats, source, earned_at)';

const where = fc.oneof(
  one(IDS).map((id) => `where id is ${id}`),
  one(ROWIDS).map((rowid) => `where rowid is ${rowid}`),
  fc.constantFrom('where rowid > 2', "where id in ('a', 'b')", ''),
);

const jobChange = fc.oneof(
  one(IDS).map((id) => `id = ${id}`),
  one(ROWIDS).map((rowid) => `rowid = ${rowid}`),
  status.map((s) => `status = ${s}`),
  fc.constantFrom('kind = kind + 1', 'rowid = rowid + 1', 'id = status'),
);
const earningChange = (time: fc.Arbitrary<string>) =>
  fc.oneof(
    one(IDS).map((id) => `id = ${id}`),
    one(ROWIDS).map((rowid) => `rowid = ${rowid}`),
    one(JOB_IDS).map((id) => `job_id = ${id}`),
    amount.map((a) => `amount_msats = ${a}`),
    source.map((s) => `source = ${s}`),
    time.map((t) => `earned_at = ${t}`),
    fc.constantFrom(
      'earned_at = earned_at + 900',
      'rowid = rowid + 1',
      'job_id = id',
      'id = job_id',
    ),
  );
const changes = (change: fc.Arbitrary<string>) =>
  fc
    .uniqueArray(change, { minLength: 1, maxLength: 3, selector: (c) => c.split(' = ')[0] })
    .map((list) => list.join(', '));

const upsert = (
  columns: string,
  row: fc.Arbitrary<string>,
  change: fc.Arbitrary<string>,
  table: string,
) =>
  fc
    .tuple(many(row), changes(change), fc.boolean())
    .map(([rows, set, update]) =>
      update
        ? `insert into ${table} ${columns} values ${rows} on conflict (id) do update set ${set}`
        : `insert into ${table} ${columns} values ${rows} on conflict do nothing`,
    );

const writesTo = (
  table: string,
  columns: string,
  row: fc.Arbitrary<string>,
  change: fc.Arbitrary<string>,
) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(one(OR), many(row))
        .map(([or, rows]) => `insert ${or} into ${table} ${columns} values ${rows}`),
    },
    { weight: 2, arbitrary: upsert(columns, row, change, table) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(one(OR), changes(change), where)
        .map(([or, set, w]) => `update ${or} ${table} set ${set} ${w}`),
    },
    { weight: 2, arbitrary: where.map((w) => `delete from ${table} ${w}`) },
  );

/** A statement that writes earnings of these times, and seldom of what is not a time. */
export const earningWriteAt = (times: readonly string[]): fc.Arbitrary<string> => {
  const time = mostly(times, BAD_TIMES);
  return writesTo('earnings', EARNING_COLUMNS, earningRow(time), earningChange(time));
};

/** One statement that another program may run; it may break a rule of the schema and fail. */
export const foreignWrite: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: writesTo('jobs', JOB_COLUMNS, jobRow, jobChange) },
  { weight: 10, arbitrary: earningWriteAt(TIMES) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'insert or replace into earnings (rowid, id, job_id, amount_msats, source) select rowid + 1, id, id, 3, source from earnings',
      'insert or ignore into jobs (id, kind, customer_pubkey, status, started_at) select id, 2, 2, status, 2 from jobs',
      "insert or replace into jobs (id, kind, customer_pubkey, status, started_at) select id, 2, 2, 'failed', 2 from jobs",
      'vacuum',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'pragma recursive_triggers = on',
      'pragma recursive_triggers = off',
      'pragma foreign_keys = on',
      'pragma foreign_keys = off',
    ),
  },
);

/** Lets other programs' values in, as a program does that turned CHECK constraints off. */
export function allowAnyValue(db: Database.Database): void {
  db.pragma('ignore_check_constraints = on');
  db.pragma('foreign_keys = off');
}

/** Runs one statement. One that breaks a rule of the schema changes what SQLite lets it change. */
export function tryToWrite(db: Database.Database, sql: string): void {
  try {
    db.exec(sql);
  } catch (error) {
    const broken = error instanceof Database.SqliteError && /CONSTRAINT|MISMATCH/.test(error.code);
    // A rule of our own tables is none that a writer may break.
    if (!broken || error.message.includes('pylon_db_')) throw error;
  }
}
