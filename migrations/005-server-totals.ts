import { type Kysely, sql } from 'kysely';

// Totals of earnings on a PostgreSQL server: exact in every snapshot, at the same cost for any number of
// them, and without a row that all writers wait for. Triggers append what a statement changed; now and
// then one of them adds up what stands there. So a writer waits for nobody, but for the payments of the
// same job. Frozen once released.
//
// The table holds any number of rows for each hour and source: their sum counts. While it holds none for
// all time, nothing keeps it, because the server has no such triggers: then views count the rows.
//
// Jobs are counted by a view as before: triggers on them cost a server a quarter of its time.

/** Rows of one statement that are appended one by one, which is the cheapest way for a few. */
const FEW = 100;

/** The share of statements after which what stands is added up. */
const FOLDED = '0.01';

/** The hour of the totals of all time: behind all others. */
const ALL_TIME = '9223372036854775807';

/** The hour of the count of paid jobs. */
const PAID_JOBS = '9223372036854775806';

/** Hours before that of an earning that are added up with it, when their rows are. */
const HOURS_FOLDED = 24;

const TOTAL = ['amount_high', 'amount_low', 'count'] as const;
const SUMS = [...TOTAL, ...[1, 2, 3].flatMap((quarter) => TOTAL.map((sum) => `${sum}_${quarter}`))];
const NO_SUMS = SUMS.map(() => '0').join(', ');

/** What a statement changed, by the transition tables that its trigger has. */
const CHANGES = {
  insert: [['new_rows', 1]],
  update: [
    ['new_rows', 1],
    ['old_rows', -1],
  ],
  delete: [['old_rows', -1]],
} as const;
type Operation = keyof typeof CHANGES;
const OPERATIONS = ['insert', 'update', 'delete'] as const satisfies readonly Operation[];

const IS_SUMMED = `amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')`;

const HOUR = `earned_at / 3600 - (earned_at % 3600 < 0)::int`;

const SOURCE_IN_HOUR = `case when ${IS_SUMMED}
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end`;

/** The sums that one earning makes in its hour: in all, and to the end of each of three quarters. */
function inHour(sign: number): string {
  const share = [`(amount_msats >> 32)`, `(amount_msats & 4294967295)`, '1'];
  const quarters = [900, 1800, 2700].flatMap((end) =>
    share.map((part) => `${sign} * ((earned_at % 3600 + 3600) % 3600 < ${end})::int * ${part}`),
  );
  return [...share.map((part) => `${sign} * ${part}`), ...quarters].join(', ');
}

/** The rows that each of `rows` adds: one to its hour, one to all time. */
const EARNING_ROWS = [
  (rows: string, sign: number) => `select ${HOUR}, ${SOURCE_IN_HOUR}, ${inHour(sign)} from ${rows}`,
  (rows: string, sign: number) =>
    `select ${ALL_TIME}, case when ${IS_SUMMED} then source else 'invalid' end,
      ${sign} * (amount_msats >> 32), ${sign} * (amount_msats & 4294967295), ${sign}, ${TOTAL.map(() => '0, 0, 0').join(', ')}
    from ${rows}`,
];

const TABLE = 'pylon_db_earning_hours';
const COLUMNS = ['hour', 'source', ...SUMS].join(', ');
const ADDED_UP = ['hour', 'source', ...SUMS.map((sum) => `cast(sum(${sum}) as bigint)`)].join(', ');

/**
 * Appends what a statement changed: the first few rows as they are, all others added up. Now and then
 * it adds up what stands of all time and of the day before the change, but for what another transaction
 * is adding up: only this deletes rows, and so waits for nobody. Not in a transaction that keeps its
 * first snapshot: there it would fail because of what was added up since.
 */
function append(operation: Operation): string {
  const parts = (of: (part: string, rows: string) => string) =>
    CHANGES[operation]
      .flatMap(([rows, sign]) => EARNING_ROWS.map((select) => of(select(rows, sign), rows)))
      .join('\n    union all ');
  const few = CHANGES[operation].length * EARNING_ROWS.length * FEW;
  const afterFew = (part: string, rows: string) =>
    part.replace(`from ${rows}`, `from (select * from ${rows} offset ${FEW}) as ${rows}`);
  return `
  insert into ${TABLE} (${COLUMNS})
    ${parts((part) => `(${part} limit ${FEW})`)};
  get diagnostics added = row_count;
  if added = ${few} then
    insert into ${TABLE} (${COLUMNS})
    select ${ADDED_UP} from (
      ${parts(afterFew)}
    ) as changed (${COLUMNS}) group by hour, source;
  end if;
  if random() < ${FOLDED} and current_setting('transaction_isolation') = 'read committed' then
    select ${HOUR} into of_change from ${CHANGES[operation][0][0]} limit 1;
    with folded as (
      delete from ${TABLE} where ctid = any (array(
        select ctid from ${TABLE}
        where hour in (${ALL_TIME}, ${PAID_JOBS}) or hour between of_change - ${HOURS_FOLDED} and of_change
        for update skip locked))
      returning ${COLUMNS}
    )
    insert into ${TABLE} (${COLUMNS}) select ${ADDED_UP} from folded group by hour, source;
  end if;`;
}

/** Counts each job's earnings: a job is paid while it has one. */
function countPaidJobs(operation: Operation): string {
  const changed = CHANGES[operation].map(
    ([rows, sign]) => `select job_id, ${sign} as count from ${rows} where job_id is not null`,
  );
  return `
    with changed as (
      select job_id, cast(sum(count) as bigint) as count from (${changed.join(' union all ')}) as each
      group by job_id having sum(count) <> 0
    ), counted as (
      insert into pylon_db_job_payments as payments (job_id, count)
      select job_id, count from changed order by job_id
      on conflict (job_id) do update set count = payments.count + excluded.count
      returning job_id, count
    )
    insert into pylon_db_earning_hours (hour, source, ${SUMS.join(', ')})
    select ${PAID_JOBS}, 'job', 0, 0, paid, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (
      select sum((counted.count > 0)::int - (counted.count - changed.count > 0)::int) as paid
      from counted join changed using (job_id)
    ) as newly where paid <> 0;`;
}

const NONE = `
  insert into ${TABLE} (${COLUMNS}) values (${ALL_TIME}, 'job', ${NO_SUMS});`;

const CLEAR = `
  truncate ${TABLE}, pylon_db_job_payments;${NONE}`;

const EVENTS = [...OPERATIONS, 'truncate'] as const;

/**
 * One for each event. `security definer`: whoever may write the table may count. The names in it are
 * those of the schema that it is made in, whatever the writer's search path is.
 */
const FUNCTIONS = EVENTS.map((event) => {
  const body = event === 'truncate' ? CLEAR : `${append(event)}${countPaidJobs(event)}`;
  return `create or replace function pylon_db_earnings_${event}() returns trigger
language plpgsql security definer as $count$
declare
  added bigint;
  of_change bigint;
begin${body}
  return null;
end $count$`;
});

const REFERENCING: Readonly<Record<Operation, string>> = {
  insert: 'referencing new table as new_rows ',
  update: 'referencing new table as new_rows old table as old_rows ',
  delete: 'referencing old table as old_rows ',
};

const TRIGGERS = EVENTS.map((event) => {
  const name = `pylon_db_earnings_${event}`;
  const rows = event === 'truncate' ? '' : REFERENCING[event];
  return `
  create trigger ${name} after ${event} on earnings ${rows}for each statement execute function ${name}();
  execute format('alter function ${name}() set search_path = pg_catalog, %I, pg_temp', current_schema());`;
}).join('');

/**
 * Makes the triggers and counts everything, while nobody writes. Where the server has none for such
 * a table, it leaves none, and the tables of totals empty. Who may read earnings may read their hours.
 */
const KEEP_TOTALS = `create or replace function pylon_db_keep_totals() returns void language plpgsql as $keep$
declare
  reader name;
  standing record;
begin
  lock table earnings in share row exclusive mode;
  -- Also from a table that was renamed.
  for standing in select tgname, tgrelid::regclass as place from pg_catalog.pg_trigger where tgfoid in (
    select oid from pg_catalog.pg_proc where pronamespace = current_schema()::regnamespace
      and proname in (${EVENTS.map((event) => `'pylon_db_earnings_${event}'`).join(', ')}))
  loop execute format('drop trigger %I on %s', standing.tgname, standing.place);
  end loop;
  delete from pylon_db_job_payments;
  delete from ${TABLE};
  if exists (select from pg_catalog.pg_class where oid = 'earnings'::regclass and relkind <> 'r')
    or exists (select from pg_catalog.pg_inherits where inhparent = 'earnings'::regclass)
    or exists (select from pg_catalog.pg_extension where extname = 'citus')
  then return;
  end if;${TRIGGERS}${NONE}
  insert into ${TABLE} (${COLUMNS})
  select ${ADDED_UP} from (
    ${EARNING_ROWS.map((of) => of('earnings', 1)).join('\n    union all ')}
  ) as entry (${COLUMNS}) group by hour, source;
  insert into pylon_db_job_payments (job_id, count)
  select job_id, count(*) from earnings where job_id is not null group by job_id;
  insert into ${TABLE} (${COLUMNS})
  select ${PAID_JOBS}, 'job', 0, 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0 from pylon_db_job_payments;
  for reader in select distinct rolname from pg_catalog.pg_class, aclexplode(relacl), pg_catalog.pg_roles as role
    where pg_class.oid = 'earnings'::regclass and privilege_type = 'SELECT' and role.oid = grantee
  loop execute format('grant select on ${TABLE} to %I', reader);
  end loop;
end $keep$`;

/** As 003 has them, from what is kept; where nothing is, from the rows. */
const VIEWS = [
  `create or replace view pylon_db_earning_totals as
    select source, cast(sum(amount_high) as bigint) as amount_high,
      cast(sum(amount_low) as bigint) as amount_low, cast(sum(count) as bigint) as count
    from pylon_db_earning_hours where hour = ${ALL_TIME} group by source
    union all
    select case when ${IS_SUMMED} then source else 'invalid' end,
      cast(sum(amount_msats >> 32) as bigint), cast(sum(amount_msats & 4294967295) as bigint), count(*)
    from earnings
    where not exists (select from pylon_db_earning_hours where hour = ${ALL_TIME}) group by 1`,
  `create or replace view pylon_db_paid_jobs as
    select cast(1 as bigint) as id, case
      when exists (select from pylon_db_earning_hours where hour = ${ALL_TIME})
      then (select cast(coalesce(sum(count), 0) as bigint) from pylon_db_earning_hours where hour = ${PAID_JOBS})
      else (select count(distinct job_id) from earnings) end as count`,
];

/** Rows come and go all the time: what is gone shall not lie about until a fifth of the table is. */
const SWEPT = `autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0`;

export async function createServerTotals(db: Kysely<unknown>): Promise<void> {
  const run = async (text: string) => void (await sql.raw(text).execute(db));
  await run(
    `create table ${TABLE} (hour bigint not null, source text not null, ${SUMS.map((sum) => `${sum} bigint not null`).join(', ')}) with (${SWEPT})`,
  );
  await run(
    'create table pylon_db_job_payments (job_id text collate "C" primary key, count bigint not null)',
  );
  await run(`create index pylon_db_earning_hours_hour on ${TABLE} (hour)`);
  // Without a key, a server that publishes all tables would refuse to delete from it.
  await run(`alter table ${TABLE} replica identity full`);
  for (const made of [...FUNCTIONS, KEEP_TOTALS, ...VIEWS]) await run(made);
  await run('select pylon_db_keep_totals()');
}

/** The views that need them are dropped before. */
export async function dropServerTotals(db: Kysely<unknown>): Promise<void> {
  for (const event of EVENTS) {
    const name = sql.id(`pylon_db_earnings_${event}`);
    await sql`drop trigger if exists ${name} on earnings`.execute(db);
    await sql`drop function ${name}()`.execute(db);
  }
  await sql`drop function pylon_db_keep_totals()`.execute(db);
  await db.schema.dropTable('pylon_db_job_payments').execute();
  await db.schema.dropTable(TABLE).execute();
}
