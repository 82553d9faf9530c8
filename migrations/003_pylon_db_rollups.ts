import { type Kysely, sql } from 'kysely';
import type { MigrationParams } from '../src/migrate/migration.js';
import { ddlSyntax } from './ddl-syntax.js';

// Totals that triggers keep right for every writer of the file, the sqlite3 shell included.
// The builder has no word for triggers, so they are SQL here. Frozen once released.
//
// `INSERT OR REPLACE` removes the old row without a DELETE trigger (unless the writer turned
// recursive_triggers on). So a BEFORE trigger stashes the rows that a write would replace, the
// AFTER trigger subtracts them, and a DELETE trigger that does fire takes them out of the stash.
// A write that was ignored leaves its stash behind; it still equals the stored row, and whatever
// changes or removes that row's id clears it.
//
// Sums are kept as two integers, amount >> 32 and amount & 0xffffffff, because SQLite turns an
// integer sum beyond 64 bits into a rounded real without a word.

/** The rollup row that a job counts in: its status, when that is a published one. */
const jobBucket = (row: string) =>
  sql.raw(
    `case when ${row}.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then ${row}.status else 'invalid' end`,
  );

/** The rollup row that an earning counts in: its source, when the amount is a safe integer. */
const earningBucket = (row: string) =>
  sql.raw(
    `case when typeof(${row}.amount_msats) = 'integer'
        and ${row}.amount_msats between -9007199254740991 and 9007199254740991
        and ${row}.source in ('job', 'tip', 'other')
        then ${row}.source else 'invalid' end`,
  );

export async function up({ context: db, engine }: MigrationParams): Promise<void> {
  if (ddlSyntax(engine).isPostgres) return await createViews(db);
  await createJobTotals(db);
  await createEarningTotals(db);
}

async function createJobTotals(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pylon_db_job_totals')
    .addColumn('status', 'text', (col) => col.notNull().primaryKey())
    .addColumn('count', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  await sql`
    insert into pylon_db_job_totals (status, count)
    select bucket, (select count(*) from jobs where ${jobBucket('jobs')} = bucket)
    from (select 'pending' as bucket union all select 'processing' union all select 'completed'
      union all select 'failed' union all select 'cancelled' union all select 'invalid')`.execute(
    db,
  );
  await db.schema
    .createTable('pylon_db_replaced_jobs')
    .addColumn('row_id', 'integer', (col) => col.primaryKey())
    .addColumn('id', 'text')
    .addColumn('status', 'text')
    .execute();

  await sql`
    create trigger pylon_db_jobs_before_insert before insert on jobs
    when exists (select 1 from jobs where id = new.id) or exists (select 1 from jobs where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs where id = new.id or rowid = new.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_after_insert after insert on jobs
    begin
      update pylon_db_job_totals set count = count + 1 where status = ${jobBucket('new')};
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_after_replace after insert on jobs
    when exists (select 1 from pylon_db_replaced_jobs)
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where (s.id = new.id or s.row_id = new.rowid)
        and ${jobBucket('s')} = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs where id = new.id or row_id = new.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_before_update before update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_after_move after update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where ${jobBucket('s')} = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs;
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_after_status after update of status on jobs
    when old.status is not new.status
    begin
      update pylon_db_job_totals set count = count - 1 where status = ${jobBucket('old')};
      update pylon_db_job_totals set count = count + 1 where status = ${jobBucket('new')};
    end`.execute(db);
  await sql`
    create trigger pylon_db_jobs_after_delete after delete on jobs
    begin
      update pylon_db_job_totals set count = count - 1 where status = ${jobBucket('old')};
      delete from pylon_db_replaced_jobs where row_id = old.rowid;
    end`.execute(db);
}

/** Also for what takes their place, and gives it back. */
export async function createEarningTotals(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pylon_db_earning_totals')
    .addColumn('source', 'text', (col) => col.notNull().primaryKey())
    .addColumn('amount_high', 'integer', (col) => col.notNull())
    .addColumn('amount_low', 'integer', (col) => col.notNull())
    .addColumn('count', 'integer', (col) => col.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  await sql`
    insert into pylon_db_earning_totals (source, amount_high, amount_low, count)
    select bucket, coalesce(sum(amount_msats >> 32), 0), coalesce(sum(amount_msats & 4294967295), 0), count(earning)
    from (select 'job' as bucket union all select 'tip' union all select 'other' union all select 'invalid')
    left join (
      select ${earningBucket('earnings')} as source_bucket, rowid as earning,
        case when typeof(amount_msats) = 'integer' then amount_msats else 0 end as amount_msats
      from earnings
    ) on source_bucket = bucket
    group by bucket`.execute(db);
  await db.schema
    .createTable('pylon_db_paid_jobs')
    .addColumn('id', 'integer', (col) => col.primaryKey().check(sql`id = 1`))
    .addColumn('count', 'integer', (col) => col.notNull())
    .execute();
  await sql`insert into pylon_db_paid_jobs (id, count) select 1, count(distinct job_id) from earnings`.execute(
    db,
  );
  await db.schema
    .createTable('pylon_db_replaced_earnings')
    .addColumn('row_id', 'integer', (col) => col.primaryKey())
    .addColumn('id', 'text')
    .addColumn('job_id', 'text')
    .addColumn('amount_msats', 'integer')
    .addColumn('source', 'text')
    .execute();

  await createEarningTriggers(db);
}

async function createEarningTriggers(db: Kysely<unknown>): Promise<void> {
  // The stashed rows that this write removed: gone from the table, while `new` is in it.
  const replaced = sql`(s.id = new.id or s.row_id = new.rowid)`;
  // Whether a job is paid by an earning other than the one being written.
  const paidByAnother = (jobId: string) =>
    sql`exists (select 1 from earnings e where e.job_id = ${sql.raw(jobId)} and e.rowid <> new.rowid)`;
  const subtractReplaced = sql`
      update pylon_db_earning_totals
      set (amount_high, amount_low, count) = (
        select pylon_db_earning_totals.amount_high - coalesce(sum(s.amount_msats >> 32), 0),
          pylon_db_earning_totals.amount_low - coalesce(sum(s.amount_msats & 4294967295), 0),
          pylon_db_earning_totals.count - count(*)
        from pylon_db_replaced_earnings s
        where ${replaced} and ${earningBucket('s')} = pylon_db_earning_totals.source);`;
  const move = (row: 'new' | 'old', sign: '+' | '-') => sql`
      update pylon_db_earning_totals
      set amount_high = amount_high ${sql.raw(sign)} (${sql.raw(row)}.amount_msats >> 32),
        amount_low = amount_low ${sql.raw(sign)} (${sql.raw(row)}.amount_msats & 4294967295),
        count = count ${sql.raw(sign)} 1
      where source = ${earningBucket(row)};`;
  const addPaidJob = sql`
      update pylon_db_paid_jobs set count = count + 1
      where new.job_id is not null and not ${paidByAnother('new.job_id')};`;

  await sql`
    create trigger pylon_db_earnings_before_insert before insert on earnings
    when exists (select 1 from earnings where id = new.id)
      or exists (select 1 from earnings where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source)
      select rowid, id, job_id, amount_msats, source from earnings
      where id = new.id or rowid = new.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_insert after insert on earnings
    begin ${move('new', '+')}${addPaidJob}
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_replace after insert on earnings
    when exists (select 1 from pylon_db_replaced_earnings)
    begin ${subtractReplaced}
      update pylon_db_paid_jobs
      set count = count - (select count(distinct s.job_id) from pylon_db_replaced_earnings s
        where ${replaced} and not ${paidByAnother('s.job_id')});
      delete from pylon_db_replaced_earnings where id = new.id or row_id = new.rowid;
    end`.execute(db);
  // Earnings are seldom updated: no `when`, so that one AFTER trigger serves every update.
  await sql`
    create trigger pylon_db_earnings_before_update before update on earnings
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source)
      select rowid, id, job_id, amount_msats, source from earnings
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_update after update on earnings
    begin ${subtractReplaced}${move('old', '-')}${move('new', '+')}
      update pylon_db_paid_jobs
      set count = count - (select count(distinct gone.job_id) from (
          select s.job_id from pylon_db_replaced_earnings s where ${replaced}
          union all select old.job_id) as gone
        where not ${paidByAnother('gone.job_id')});
      ${addPaidJob}
      delete from pylon_db_replaced_earnings;
    end`.execute(db);
  await sql`
    create trigger pylon_db_earnings_after_delete after delete on earnings
    begin ${move('old', '-')}
      update pylon_db_paid_jobs set count = count - 1
      where old.job_id is not null
        and not exists (select 1 from earnings where job_id = old.job_id);
      delete from pylon_db_replaced_earnings where row_id = old.rowid;
    end`.execute(db);
}

/** One row that every writer counts in would make them wait for each other: here views count. */
export async function createViews(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view pylon_db_job_totals as
    select bucket.status, coalesce(counted.count, 0) as count
    from (values ('pending'), ('processing'), ('completed'), ('failed'), ('cancelled'), ('invalid'))
      as bucket (status)
    left join (
      select ${jobBucket('jobs')} as status, count(*) as count from jobs group by 1
    ) as counted on counted.status = bucket.status`.execute(db);
  await sql`
    create view pylon_db_earning_totals as
    select bucket.source,
      cast(sum(bucket.amount_msats >> 32) as bigint) as amount_high,
      cast(sum(bucket.amount_msats & 4294967295) as bigint) as amount_low,
      count(*) as count
    from (
      select amount_msats,
        case when amount_msats between -9007199254740991 and 9007199254740991
          and source in ('job', 'tip', 'other')
          then source else 'invalid' end as source
      from earnings
    ) as bucket
    group by bucket.source`.execute(db);
  await sql`
    create view pylon_db_paid_jobs as
    select cast(1 as bigint) as id, count(distinct job_id) as count from earnings`.execute(db);
}

export async function dropViews(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropView('pylon_db_paid_jobs').execute();
  await db.schema.dropView('pylon_db_earning_totals').execute();
  await db.schema.dropView('pylon_db_job_totals').execute();
}

export async function down({ context: db, engine }: MigrationParams): Promise<void> {
  if (ddlSyntax(engine).isPostgres) return await dropViews(db);
  for (const trigger of [
    'jobs_before_insert',
    'jobs_after_insert',
    'jobs_after_replace',
    'jobs_before_update',
    'jobs_after_move',
    'jobs_after_status',
    'jobs_after_delete',
    'earnings_before_insert',
    'earnings_after_insert',
    'earnings_after_replace',
    'earnings_before_update',
    'earnings_after_update',
    'earnings_after_delete',
  ]) {
    await sql`drop trigger ${sql.id(`pylon_db_${trigger}`)}`.execute(db);
  }
  await db.schema.dropTable('pylon_db_replaced_earnings').execute();
  await db.schema.dropTable('pylon_db_paid_jobs').execute();
  await db.schema.dropTable('pylon_db_earning_totals').execute();
  await db.schema.dropTable('pylon_db_replaced_jobs').execute();
  await db.schema.dropTable('pylon_db_job_totals').execute();
}
