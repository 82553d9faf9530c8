import { type Kysely, type RawBuilder, sql } from 'kysely';
import { createEarningTotals } from './003_pylon_db_rollups.js';

// Migration 005 on SQLite: earnings by hour and quarter of an hour, so that sums of any range cost
// the same at any number of earnings. Every time zone of today is a multiple of 15 minutes away from
// UTC. Kept by triggers, as 003 explains. The totals of 003 go on in the same table, with the greatest
// keys, next to the newest hour: an insert writes one page for both. Frozen once released.
//
// An earning that can't be summed, or whose time is not a safe integer, is counted as `invalid` in
// its hour. What is not a number sorts behind all times, and so does its hour.

/** The hour of the totals: behind all others. */
const ALL_TIME = '9223372036854775807';

/** The hour of the count of paid jobs. */
const PAID_JOBS = '9223372036854775806';

/** The hour of a time that is not a number: right behind that of the greatest integer. */
const NO_HOUR = '2562047788015216';

/** Whole hours that make every time positive, in seconds: division and remainder round to zero. */
const SHIFT = '9007199254742400';

const TOTAL = ['amount_high', 'amount_low', 'count'] as const;

/** The same, summed to the end of each of an hour's first three quarters. */
const QUARTERS = [1, 2, 3].flatMap((quarter) => TOTAL.map((name) => `${name}_${quarter}`));

const SUMS = [...TOTAL, ...QUARTERS];

const list = (parts: readonly string[]) => sql.raw(parts.join(', '));

const hourOf = (row: string) =>
  `case typeof(${row}.earned_at)
          when 'integer' then ${row}.earned_at / 3600 - (${row}.earned_at % 3600 < 0)
          when 'real' then cast(${row}.earned_at as integer) / 3600 - (${row}.earned_at < 0)
          else ${NO_HOUR} end`;

const isSummed = (row: string) =>
  `typeof(${row}.amount_msats) = 'integer'
          and ${row}.amount_msats between -9007199254740991 and 9007199254740991
          and ${row}.source in ('job', 'tip', 'other')`;

/** The source that an earning counts in, of all time; as in 003. */
const sourceOf = (row: string) => `case when ${isSummed(row)}
          then ${row}.source else 'invalid' end`;

/** The source that an earning counts in, in its hour. */
const sourceInHour = (row: string) => `case when ${isSummed(row)}
          and typeof(${row}.earned_at) = 'integer'
          and ${row}.earned_at between -9007199254740991 and 9007199254740991
          then ${row}.source else 'invalid' end`;

/** What an earning adds to a total, or takes off it: two halves of its amount, and itself. */
const share = (row: string, sign: '' | '-') => [
  `${sign}(${row}.amount_msats >> 32)`,
  `${sign}(${row}.amount_msats & 4294967295)`,
  `${sign}1`,
];

const nothing = (columns: readonly string[]) => columns.map(() => '0');

/** The row of an earning's hour, as that earning alone makes it. */
const inHour = (row: string, sign: '' | '-') => {
  const whole = `cast(${row}.earned_at as integer)`;
  const second = `(${whole} - (${row}.earned_at < ${whole}) + ${SHIFT}) % 3600`;
  const quarters = [900, 1800, 2700].flatMap((end) =>
    share(row, sign).map((part) => `(${second} < ${end}) * ${part}`),
  );
  return list([hourOf(row), sourceInHour(row), ...share(row, sign), ...quarters]);
};

/** The row of a total of all time, as that earning alone makes it. */
const everEarned = (row: string, sign: '' | '-') =>
  list([ALL_TIME, sourceOf(row), ...share(row, sign), ...nothing(QUARTERS)]);

const rowOf = (row: string, sign: '' | '-') => sql`(${inHour(row, sign)}),
        (${everEarned(row, sign)})`;

/** Adds rows to those that stand; an UPSERT does so whatever conflict clause the writer has. */
const add = (rows: RawBuilder<unknown>) => sql`
      insert into pylon_db_earning_hours (hour, source, ${list(SUMS)})
      ${rows}
      on conflict (hour, source) do update set ${list(SUMS.map((sum) => `${sum} = ${sum} + excluded.${sum}`))};`;

export async function createEarningHours(db: Kysely<unknown>): Promise<void> {
  await dropEarningTotals(db);
  await createHours(db);
  await createTriggers(db);
}

/** Those of 003, which the hours take over. Another program may have dropped some. */
async function dropEarningTotals(db: Kysely<unknown>): Promise<void> {
  await dropTriggers(db);
  for (const table of ['earning_totals', 'paid_jobs', 'replaced_earnings']) {
    await db.schema.dropTable(`pylon_db_${table}`).ifExists().execute();
  }
}

async function dropTriggers(db: Kysely<unknown>): Promise<void> {
  for (const trigger of [
    'before_insert',
    'after_insert',
    'after_replace',
    'before_update',
    'after_update',
    'after_delete',
  ]) {
    await sql`drop trigger if exists ${sql.id(`pylon_db_earnings_${trigger}`)}`.execute(db);
  }
}

async function createHours(db: Kysely<unknown>): Promise<void> {
  const keyed = db.schema
    .createTable('pylon_db_earning_hours')
    .addColumn('hour', 'integer', (col) => col.notNull())
    .addColumn('source', 'text', (col) => col.notNull());
  await SUMS.reduce((table, sum) => table.addColumn(sum, 'integer', (col) => col.notNull()), keyed)
    .addPrimaryKeyConstraint('pylon_db_earning_hours_key', ['hour', 'source'])
    .modifyEnd(sql`without rowid`)
    .execute();
  const none = list(nothing(SUMS));
  await sql`
    insert into pylon_db_earning_hours (hour, source, ${list(SUMS)})
    with entry (hour, source, ${list(SUMS)}) as (
      select ${inHour('earnings', '')} from earnings
      union all
      select ${everEarned('earnings', '')} from earnings
      union all
      select ${sql.raw(ALL_TIME)}, column1, ${none} from (values ('job'), ('tip'), ('other'), ('invalid'))
    )
    select hour, source, ${list(SUMS.map((sum) => `sum(${sum})`))} from entry group by hour, source
    union all
    select ${sql.raw(PAID_JOBS)}, 'job', 0, 0, count(distinct job_id), ${list(nothing(QUARTERS))} from earnings`.execute(
    db,
  );
  await sql`
    create view pylon_db_earning_totals as
    select source, amount_high, amount_low, count from pylon_db_earning_hours
    where hour = ${sql.raw(ALL_TIME)}`.execute(db);
  await sql`
    create view pylon_db_paid_jobs as
    select cast(1 as integer) as id, count from pylon_db_earning_hours
    where hour = ${sql.raw(PAID_JOBS)}`.execute(db);
  await db.schema
    .createTable('pylon_db_replaced_earnings')
    .addColumn('row_id', 'integer', (col) => col.primaryKey())
    .addColumn('id', 'text')
    .addColumn('job_id', 'text')
    .addColumn('amount_msats', 'integer')
    .addColumn('source', 'text')
    .addColumn('earned_at', 'integer')
    .execute();
}

/** As in 003, with the hours and the totals in their new place. */
async function createTriggers(db: Kysely<unknown>): Promise<void> {
  // The stashed rows that this write removed: gone from the table, while `new` is in it.
  const replaced = sql`(s.id = new.id or s.row_id = new.rowid)`;
  // Whether a job is paid by an earning other than the one being written.
  const paidByAnother = (jobId: string) =>
    sql`exists (select 1 from earnings e where e.job_id = ${sql.raw(jobId)} and e.rowid <> new.rowid)`;
  const subtractReplaced = add(sql`select ${inHour('s', '-')}
        from pylon_db_replaced_earnings s where ${replaced}
        union all select ${everEarned('s', '-')}
        from pylon_db_replaced_earnings s where ${replaced}`);
  const isNewlyPaid = sql`new.job_id is not null and not ${paidByAnother('new.job_id')}`;

  await sql`
    create trigger pylon_db_earnings_before_insert before insert on earnings
    when exists (select 1 from earnings where id = new.id)
      or exists (select 1 from earnings where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
      where id = new.id or rowid = new.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_insert after insert on earnings
    begin ${add(sql`values ${rowOf('new', '')},
        (${sql.raw(PAID_JOBS)}, 'job', 0, 0, ${isNewlyPaid}, ${list(nothing(QUARTERS))})`)}
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_replace after insert on earnings
    when exists (select 1 from pylon_db_replaced_earnings)
    begin ${subtractReplaced}
      update pylon_db_earning_hours
      set count = count - (select count(distinct s.job_id) from pylon_db_replaced_earnings s
        where ${replaced} and not ${paidByAnother('s.job_id')})
      where hour = ${sql.raw(PAID_JOBS)};
      delete from pylon_db_replaced_earnings where id = new.id or row_id = new.rowid;
    end`.execute(db);
  // Earnings are seldom updated: no `when`, so that one AFTER trigger serves every update.
  await sql`
    create trigger pylon_db_earnings_before_update before update on earnings
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_update after update on earnings
    begin ${subtractReplaced}${add(sql`values ${rowOf('old', '-')},
        ${rowOf('new', '')}`)}
      update pylon_db_earning_hours
      set count = count - (select count(distinct gone.job_id) from (
          select s.job_id from pylon_db_replaced_earnings s where ${replaced}
          union all select old.job_id) as gone
        where not ${paidByAnother('gone.job_id')})
      where hour = ${sql.raw(PAID_JOBS)};
      update pylon_db_earning_hours set count = count + 1
      where hour = ${sql.raw(PAID_JOBS)} and ${isNewlyPaid};
      delete from pylon_db_replaced_earnings;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_delete after delete on earnings
    begin ${add(sql`values ${rowOf('old', '-')}`)}
      update pylon_db_earning_hours set count = count - 1
      where hour = ${sql.raw(PAID_JOBS)} and old.job_id is not null
        and not exists (select 1 from earnings where job_id = old.job_id);
      delete from pylon_db_replaced_earnings where row_id = old.rowid;
    end`.execute(db);
}

export async function dropEarningHours(db: Kysely<unknown>): Promise<void> {
  await dropTriggers(db);
  await db.schema.dropTable('pylon_db_replaced_earnings').execute();
  await db.schema.dropView('pylon_db_paid_jobs').execute();
  await db.schema.dropView('pylon_db_earning_totals').execute();
  await db.schema.dropTable('pylon_db_earning_hours').execute();
  await createEarningTotals(db);
}
