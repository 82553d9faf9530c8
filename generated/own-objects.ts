// Generated from the migrations; do not edit. After a migration: npm run codegen

/** An object that our migrations make on a published table, or for ourselves. */
export interface OwnObject {
  readonly type: 'table' | 'index' | 'trigger' | 'view' | 'function';
  readonly name: string;
  /** The table that it stands on: itself, for a table or a view. */
  readonly table: string;
  /** The migration that makes it. */
  readonly migration: string;
  readonly sql: string;
  /** What fills a table that was made just now. */
  readonly fill?: string;
}

/** On SQLite, as `sqlite_master` has them. */
export const OWN_OBJECTS: readonly OwnObject[] = [
  {
    type: 'table',
    name: 'pylon_db_earning_hours',
    table: 'pylon_db_earning_hours',
    migration: '005_pylon_db_earning_hours',
    sql: 'CREATE TABLE "pylon_db_earning_hours" ("hour" integer not null, "source" text not null, "amount_high" integer not null, "amount_low" integer not null, "count" integer not null, "amount_high_1" integer not null, "amount_low_1" integer not null, "count_1" integer not null, "amount_high_2" integer not null, "amount_low_2" integer not null, "count_2" integer not null, "amount_high_3" integer not null, "amount_low_3" integer not null, "count_3" integer not null, constraint "pylon_db_earning_hours_key" primary key ("hour", "source")) without rowid',
    fill: `insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    with entry (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) as (
      select case typeof(earnings.earned_at)
          when 'integer' then earnings.earned_at / 3600 - (earnings.earned_at % 3600 < 0)
          when 'real' then cast(earnings.earned_at as integer) / 3600 - (earnings.earned_at < 0)
          else 2562047788015216 end, case when typeof(earnings.amount_msats) = 'integer'
          and earnings.amount_msats between -9007199254740991 and 9007199254740991
          and earnings.source in ('job', 'tip', 'other')
          and typeof(earnings.earned_at) = 'integer'
          and earnings.earned_at between -9007199254740991 and 9007199254740991
          then earnings.source else 'invalid' end, (earnings.amount_msats >> 32), (earnings.amount_msats & 4294967295), 1, ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (earnings.amount_msats >> 32), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (earnings.amount_msats & 4294967295), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 900) * 1, ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (earnings.amount_msats >> 32), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (earnings.amount_msats & 4294967295), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * 1, ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (earnings.amount_msats >> 32), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (earnings.amount_msats & 4294967295), ((cast(earnings.earned_at as integer) - (earnings.earned_at < cast(earnings.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * 1 from earnings
      union all
      select 9223372036854775807, case when typeof(earnings.amount_msats) = 'integer'
          and earnings.amount_msats between -9007199254740991 and 9007199254740991
          and earnings.source in ('job', 'tip', 'other')
          then earnings.source else 'invalid' end, (earnings.amount_msats >> 32), (earnings.amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 from earnings
      union all
      select 9223372036854775807, column1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from (values ('job'), ('tip'), ('other'), ('invalid'))
    )
    select hour, source, sum(amount_high), sum(amount_low), sum(count), sum(amount_high_1), sum(amount_low_1), sum(count_1), sum(amount_high_2), sum(amount_low_2), sum(count_2), sum(amount_high_3), sum(amount_low_3), sum(count_3) from entry group by hour, source
    union all
    select 9223372036854775806, 'job', 0, 0, count(distinct job_id), 0, 0, 0, 0, 0, 0, 0, 0, 0 from earnings`,
  },
  {
    type: 'table',
    name: 'pylon_db_identity',
    table: 'pylon_db_identity',
    migration: '004_pylon_db_identity',
    sql: 'CREATE TABLE "pylon_db_identity" ("id" integer not null primary key check (id = 1), "identity" text not null) without rowid',
    fill: `insert into pylon_db_identity (id, identity) values (1, lower(
    hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
    || '-' || hex(randomblob(6))))`,
  },
  {
    type: 'table',
    name: 'pylon_db_job_totals',
    table: 'pylon_db_job_totals',
    migration: '003_pylon_db_rollups',
    sql: 'CREATE TABLE "pylon_db_job_totals" ("status" text not null primary key, "count" integer not null) without rowid',
    fill: `insert into pylon_db_job_totals (status, count)
    select bucket, (select count(*) from jobs where case when jobs.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then jobs.status else 'invalid' end = bucket)
    from (select 'pending' as bucket union all select 'processing' union all select 'completed'
      union all select 'failed' union all select 'cancelled' union all select 'invalid')`,
  },
  {
    type: 'table',
    name: 'pylon_db_replaced_earnings',
    table: 'pylon_db_replaced_earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'CREATE TABLE "pylon_db_replaced_earnings" ("row_id" integer primary key, "id" text, "job_id" text, "amount_msats" integer, "source" text, "earned_at" integer)',
  },
  {
    type: 'table',
    name: 'pylon_db_replaced_jobs',
    table: 'pylon_db_replaced_jobs',
    migration: '003_pylon_db_rollups',
    sql: 'CREATE TABLE "pylon_db_replaced_jobs" ("row_id" integer primary key, "id" text, "status" text)',
  },
  {
    type: 'index',
    name: 'idx_agents_state',
    table: 'agents',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_agents_state" on "agents" ("lifecycle_state")',
  },
  {
    type: 'index',
    name: 'idx_earnings_date',
    table: 'earnings',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_earnings_date" on "earnings" ("earned_at")',
  },
  {
    type: 'index',
    name: 'idx_earnings_job',
    table: 'earnings',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_earnings_job" on "earnings" ("job_id")',
  },
  {
    type: 'index',
    name: 'idx_jobs_created',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_jobs_created" on "jobs" ("created_at")',
  },
  {
    type: 'index',
    name: 'idx_jobs_customer',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_jobs_customer" on "jobs" ("customer_pubkey")',
  },
  {
    type: 'index',
    name: 'idx_jobs_status',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_jobs_status" on "jobs" ("status")',
  },
  {
    type: 'index',
    name: 'idx_tick_history_agent',
    table: 'tick_history',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_tick_history_agent" on "tick_history" ("agent_npub")',
  },
  {
    type: 'index',
    name: 'idx_tick_history_date',
    table: 'tick_history',
    migration: '001_initial_schema',
    sql: 'CREATE INDEX "idx_tick_history_date" on "tick_history" ("created_at")',
  },
  {
    type: 'index',
    name: 'pylon_db_earnings_payment',
    table: 'earnings',
    migration: '002_pylon_db_indexes',
    sql: 'CREATE INDEX "pylon_db_earnings_payment" on "earnings" ("payment_hash") where "payment_hash" is not null',
  },
  {
    type: 'index',
    name: 'pylon_db_jobs_pending_kind',
    table: 'jobs',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE INDEX "pylon_db_jobs_pending_kind" on "jobs" ("kind", "created_at", "id") where "status" = 'pending'`,
  },
  {
    type: 'index',
    name: 'pylon_db_jobs_status_created',
    table: 'jobs',
    migration: '002_pylon_db_indexes',
    sql: 'CREATE INDEX "pylon_db_jobs_status_created" on "jobs" ("status", "created_at", "id")',
  },
  {
    type: 'index',
    name: 'pylon_db_ticks_agent_number',
    table: 'tick_history',
    migration: '002_pylon_db_indexes',
    sql: 'CREATE INDEX "pylon_db_ticks_agent_number" on "tick_history" ("agent_npub", "tick_number")',
  },
  {
    type: 'view',
    name: 'pylon_db_earning_totals',
    table: 'pylon_db_earning_totals',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE VIEW pylon_db_earning_totals as
    select source, amount_high, amount_low, count from pylon_db_earning_hours
    where hour = 9223372036854775807`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_after_delete',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_after_delete after delete on earnings
    begin 
      insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
      values (case typeof(old.earned_at)
          when 'integer' then old.earned_at / 3600 - (old.earned_at % 3600 < 0)
          when 'real' then cast(old.earned_at as integer) / 3600 - (old.earned_at < 0)
          else 2562047788015216 end, case when typeof(old.amount_msats) = 'integer'
          and old.amount_msats between -9007199254740991 and 9007199254740991
          and old.source in ('job', 'tip', 'other')
          and typeof(old.earned_at) = 'integer'
          and old.earned_at between -9007199254740991 and 9007199254740991
          then old.source else 'invalid' end, -(old.amount_msats >> 32), -(old.amount_msats & 4294967295), -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -1),
        (9223372036854775807, case when typeof(old.amount_msats) = 'integer'
          and old.amount_msats between -9007199254740991 and 9007199254740991
          and old.source in ('job', 'tip', 'other')
          then old.source else 'invalid' end, -(old.amount_msats >> 32), -(old.amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
      on conflict (hour, source) do update set amount_high = amount_high + excluded.amount_high, amount_low = amount_low + excluded.amount_low, count = count + excluded.count, amount_high_1 = amount_high_1 + excluded.amount_high_1, amount_low_1 = amount_low_1 + excluded.amount_low_1, count_1 = count_1 + excluded.count_1, amount_high_2 = amount_high_2 + excluded.amount_high_2, amount_low_2 = amount_low_2 + excluded.amount_low_2, count_2 = count_2 + excluded.count_2, amount_high_3 = amount_high_3 + excluded.amount_high_3, amount_low_3 = amount_low_3 + excluded.amount_low_3, count_3 = count_3 + excluded.count_3;
      update pylon_db_earning_hours set count = count - 1
      where hour = 9223372036854775806 and old.job_id is not null
        and not exists (select 1 from earnings where job_id = old.job_id);
      delete from pylon_db_replaced_earnings where row_id = old.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_after_insert',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_after_insert after insert on earnings
    begin 
      insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
      values (case typeof(new.earned_at)
          when 'integer' then new.earned_at / 3600 - (new.earned_at % 3600 < 0)
          when 'real' then cast(new.earned_at as integer) / 3600 - (new.earned_at < 0)
          else 2562047788015216 end, case when typeof(new.amount_msats) = 'integer'
          and new.amount_msats between -9007199254740991 and 9007199254740991
          and new.source in ('job', 'tip', 'other')
          and typeof(new.earned_at) = 'integer'
          and new.earned_at between -9007199254740991 and 9007199254740991
          then new.source else 'invalid' end, (new.amount_msats >> 32), (new.amount_msats & 4294967295), 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * 1),
        (9223372036854775807, case when typeof(new.amount_msats) = 'integer'
          and new.amount_msats between -9007199254740991 and 9007199254740991
          and new.source in ('job', 'tip', 'other')
          then new.source else 'invalid' end, (new.amount_msats >> 32), (new.amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (9223372036854775806, 'job', 0, 0, new.job_id is not null and not exists (select 1 from earnings e where e.job_id = new.job_id and e.rowid <> new.rowid), 0, 0, 0, 0, 0, 0, 0, 0, 0)
      on conflict (hour, source) do update set amount_high = amount_high + excluded.amount_high, amount_low = amount_low + excluded.amount_low, count = count + excluded.count, amount_high_1 = amount_high_1 + excluded.amount_high_1, amount_low_1 = amount_low_1 + excluded.amount_low_1, count_1 = count_1 + excluded.count_1, amount_high_2 = amount_high_2 + excluded.amount_high_2, amount_low_2 = amount_low_2 + excluded.amount_low_2, count_2 = count_2 + excluded.count_2, amount_high_3 = amount_high_3 + excluded.amount_high_3, amount_low_3 = amount_low_3 + excluded.amount_low_3, count_3 = count_3 + excluded.count_3;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_after_replace',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_after_replace after insert on earnings
    when exists (select 1 from pylon_db_replaced_earnings)
    begin 
      insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
      select case typeof(s.earned_at)
          when 'integer' then s.earned_at / 3600 - (s.earned_at % 3600 < 0)
          when 'real' then cast(s.earned_at as integer) / 3600 - (s.earned_at < 0)
          else 2562047788015216 end, case when typeof(s.amount_msats) = 'integer'
          and s.amount_msats between -9007199254740991 and 9007199254740991
          and s.source in ('job', 'tip', 'other')
          and typeof(s.earned_at) = 'integer'
          and s.earned_at between -9007199254740991 and 9007199254740991
          then s.source else 'invalid' end, -(s.amount_msats >> 32), -(s.amount_msats & 4294967295), -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -1
        from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
        union all select 9223372036854775807, case when typeof(s.amount_msats) = 'integer'
          and s.amount_msats between -9007199254740991 and 9007199254740991
          and s.source in ('job', 'tip', 'other')
          then s.source else 'invalid' end, -(s.amount_msats >> 32), -(s.amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
      on conflict (hour, source) do update set amount_high = amount_high + excluded.amount_high, amount_low = amount_low + excluded.amount_low, count = count + excluded.count, amount_high_1 = amount_high_1 + excluded.amount_high_1, amount_low_1 = amount_low_1 + excluded.amount_low_1, count_1 = count_1 + excluded.count_1, amount_high_2 = amount_high_2 + excluded.amount_high_2, amount_low_2 = amount_low_2 + excluded.amount_low_2, count_2 = count_2 + excluded.count_2, amount_high_3 = amount_high_3 + excluded.amount_high_3, amount_low_3 = amount_low_3 + excluded.amount_low_3, count_3 = count_3 + excluded.count_3;
      update pylon_db_earning_hours
      set count = count - (select count(distinct s.job_id) from pylon_db_replaced_earnings s
        where (s.id = new.id or s.row_id = new.rowid) and not exists (select 1 from earnings e where e.job_id = s.job_id and e.rowid <> new.rowid))
      where hour = 9223372036854775806;
      delete from pylon_db_replaced_earnings where id = new.id or row_id = new.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_after_update',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_after_update after update on earnings
    begin 
      insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
      select case typeof(s.earned_at)
          when 'integer' then s.earned_at / 3600 - (s.earned_at % 3600 < 0)
          when 'real' then cast(s.earned_at as integer) / 3600 - (s.earned_at < 0)
          else 2562047788015216 end, case when typeof(s.amount_msats) = 'integer'
          and s.amount_msats between -9007199254740991 and 9007199254740991
          and s.source in ('job', 'tip', 'other')
          and typeof(s.earned_at) = 'integer'
          and s.earned_at between -9007199254740991 and 9007199254740991
          then s.source else 'invalid' end, -(s.amount_msats >> 32), -(s.amount_msats & 4294967295), -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -1, ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(s.amount_msats >> 32), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(s.amount_msats & 4294967295), ((cast(s.earned_at as integer) - (s.earned_at < cast(s.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -1
        from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
        union all select 9223372036854775807, case when typeof(s.amount_msats) = 'integer'
          and s.amount_msats between -9007199254740991 and 9007199254740991
          and s.source in ('job', 'tip', 'other')
          then s.source else 'invalid' end, -(s.amount_msats >> 32), -(s.amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
        from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
      on conflict (hour, source) do update set amount_high = amount_high + excluded.amount_high, amount_low = amount_low + excluded.amount_low, count = count + excluded.count, amount_high_1 = amount_high_1 + excluded.amount_high_1, amount_low_1 = amount_low_1 + excluded.amount_low_1, count_1 = count_1 + excluded.count_1, amount_high_2 = amount_high_2 + excluded.amount_high_2, amount_low_2 = amount_low_2 + excluded.amount_low_2, count_2 = count_2 + excluded.count_2, amount_high_3 = amount_high_3 + excluded.amount_high_3, amount_low_3 = amount_low_3 + excluded.amount_low_3, count_3 = count_3 + excluded.count_3;
      insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
      values (case typeof(old.earned_at)
          when 'integer' then old.earned_at / 3600 - (old.earned_at % 3600 < 0)
          when 'real' then cast(old.earned_at as integer) / 3600 - (old.earned_at < 0)
          else 2562047788015216 end, case when typeof(old.amount_msats) = 'integer'
          and old.amount_msats between -9007199254740991 and 9007199254740991
          and old.source in ('job', 'tip', 'other')
          and typeof(old.earned_at) = 'integer'
          and old.earned_at between -9007199254740991 and 9007199254740991
          then old.source else 'invalid' end, -(old.amount_msats >> 32), -(old.amount_msats & 4294967295), -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 900) * -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * -1, ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(old.amount_msats >> 32), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -(old.amount_msats & 4294967295), ((cast(old.earned_at as integer) - (old.earned_at < cast(old.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * -1),
        (9223372036854775807, case when typeof(old.amount_msats) = 'integer'
          and old.amount_msats between -9007199254740991 and 9007199254740991
          and old.source in ('job', 'tip', 'other')
          then old.source else 'invalid' end, -(old.amount_msats >> 32), -(old.amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (case typeof(new.earned_at)
          when 'integer' then new.earned_at / 3600 - (new.earned_at % 3600 < 0)
          when 'real' then cast(new.earned_at as integer) / 3600 - (new.earned_at < 0)
          else 2562047788015216 end, case when typeof(new.amount_msats) = 'integer'
          and new.amount_msats between -9007199254740991 and 9007199254740991
          and new.source in ('job', 'tip', 'other')
          and typeof(new.earned_at) = 'integer'
          and new.earned_at between -9007199254740991 and 9007199254740991
          then new.source else 'invalid' end, (new.amount_msats >> 32), (new.amount_msats & 4294967295), 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 900) * 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 1800) * 1, ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (new.amount_msats >> 32), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * (new.amount_msats & 4294967295), ((cast(new.earned_at as integer) - (new.earned_at < cast(new.earned_at as integer)) + 9007199254742400) % 3600 < 2700) * 1),
        (9223372036854775807, case when typeof(new.amount_msats) = 'integer'
          and new.amount_msats between -9007199254740991 and 9007199254740991
          and new.source in ('job', 'tip', 'other')
          then new.source else 'invalid' end, (new.amount_msats >> 32), (new.amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
      on conflict (hour, source) do update set amount_high = amount_high + excluded.amount_high, amount_low = amount_low + excluded.amount_low, count = count + excluded.count, amount_high_1 = amount_high_1 + excluded.amount_high_1, amount_low_1 = amount_low_1 + excluded.amount_low_1, count_1 = count_1 + excluded.count_1, amount_high_2 = amount_high_2 + excluded.amount_high_2, amount_low_2 = amount_low_2 + excluded.amount_low_2, count_2 = count_2 + excluded.count_2, amount_high_3 = amount_high_3 + excluded.amount_high_3, amount_low_3 = amount_low_3 + excluded.amount_low_3, count_3 = count_3 + excluded.count_3;
      update pylon_db_earning_hours
      set count = count - (select count(distinct gone.job_id) from (
          select s.job_id from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
          union all select old.job_id) as gone
        where not exists (select 1 from earnings e where e.job_id = gone.job_id and e.rowid <> new.rowid))
      where hour = 9223372036854775806;
      update pylon_db_earning_hours set count = count + 1
      where hour = 9223372036854775806 and new.job_id is not null and not exists (select 1 from earnings e where e.job_id = new.job_id and e.rowid <> new.rowid);
      delete from pylon_db_replaced_earnings;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_before_insert',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_before_insert before insert on earnings
    when exists (select 1 from earnings where id = new.id)
      or exists (select 1 from earnings where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
      where id = new.id or rowid = new.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_before_update',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE TRIGGER pylon_db_earnings_before_update before update on earnings
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_after_delete',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_after_delete after delete on jobs
    begin
      update pylon_db_job_totals set count = count - 1 where status = case when old.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then old.status else 'invalid' end;
      delete from pylon_db_replaced_jobs where row_id = old.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_after_insert',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_after_insert after insert on jobs
    begin
      update pylon_db_job_totals set count = count + 1 where status = case when new.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then new.status else 'invalid' end;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_after_move',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_after_move after update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where case when s.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then s.status else 'invalid' end = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_after_replace',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_after_replace after insert on jobs
    when exists (select 1 from pylon_db_replaced_jobs)
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where (s.id = new.id or s.row_id = new.rowid)
        and case when s.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then s.status else 'invalid' end = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs where id = new.id or row_id = new.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_after_status',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_after_status after update of status on jobs
    when old.status is not new.status
    begin
      update pylon_db_job_totals set count = count - 1 where status = case when old.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then old.status else 'invalid' end;
      update pylon_db_job_totals set count = count + 1 where status = case when new.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then new.status else 'invalid' end;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_before_insert',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_before_insert before insert on jobs
    when exists (select 1 from jobs where id = new.id) or exists (select 1 from jobs where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs where id = new.id or rowid = new.rowid;
    end`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_jobs_before_update',
    table: 'jobs',
    migration: '003_pylon_db_rollups',
    sql: `CREATE TRIGGER pylon_db_jobs_before_update before update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end`,
  },
  {
    type: 'view',
    name: 'pylon_db_paid_jobs',
    table: 'pylon_db_paid_jobs',
    migration: '005_pylon_db_earning_hours',
    sql: `CREATE VIEW pylon_db_paid_jobs as
    select cast(1 as integer) as id, count from pylon_db_earning_hours
    where hour = 9223372036854775806`,
  },
];

/** On PostgreSQL, as the migrations make them. */
export const OWN_SERVER_OBJECTS: readonly OwnObject[] = [
  {
    type: 'index',
    name: 'idx_jobs_status',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'create index "idx_jobs_status" on "jobs" ("status")',
  },
  {
    type: 'index',
    name: 'idx_jobs_customer',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'create index "idx_jobs_customer" on "jobs" ("customer_pubkey")',
  },
  {
    type: 'index',
    name: 'idx_jobs_created',
    table: 'jobs',
    migration: '001_initial_schema',
    sql: 'create index "idx_jobs_created" on "jobs" ("created_at")',
  },
  {
    type: 'index',
    name: 'idx_earnings_job',
    table: 'earnings',
    migration: '001_initial_schema',
    sql: 'create index "idx_earnings_job" on "earnings" ("job_id")',
  },
  {
    type: 'index',
    name: 'idx_earnings_date',
    table: 'earnings',
    migration: '001_initial_schema',
    sql: 'create index "idx_earnings_date" on "earnings" ("earned_at")',
  },
  {
    type: 'index',
    name: 'idx_agents_state',
    table: 'agents',
    migration: '001_initial_schema',
    sql: 'create index "idx_agents_state" on "agents" ("lifecycle_state")',
  },
  {
    type: 'index',
    name: 'idx_tick_history_agent',
    table: 'tick_history',
    migration: '001_initial_schema',
    sql: 'create index "idx_tick_history_agent" on "tick_history" ("agent_npub")',
  },
  {
    type: 'index',
    name: 'idx_tick_history_date',
    table: 'tick_history',
    migration: '001_initial_schema',
    sql: 'create index "idx_tick_history_date" on "tick_history" ("created_at")',
  },
  {
    type: 'index',
    name: 'pylon_db_jobs_status_created',
    table: 'jobs',
    migration: '002_pylon_db_indexes',
    sql: 'create index "pylon_db_jobs_status_created" on "jobs" ("status", "created_at", "id")',
  },
  {
    type: 'index',
    name: 'pylon_db_ticks_agent_number',
    table: 'tick_history',
    migration: '002_pylon_db_indexes',
    sql: 'create index "pylon_db_ticks_agent_number" on "tick_history" ("agent_npub", "tick_number", "id")',
  },
  {
    type: 'index',
    name: 'pylon_db_earnings_payment',
    table: 'earnings',
    migration: '002_pylon_db_indexes',
    sql: 'create index "pylon_db_earnings_payment" on "earnings" ("payment_hash") where "payment_hash" is not null',
  },
  {
    type: 'table',
    name: 'pylon_db_locks',
    table: 'pylon_db_locks',
    migration: '002_pylon_db_indexes',
    sql: 'create table "pylon_db_locks" ("id" bigint primary key, "taken" bigint default 0 not null)',
    fill: 'insert into pylon_db_locks (id) select generate_series(0, 1023)',
  },
  {
    type: 'view',
    name: 'pylon_db_job_totals',
    table: 'pylon_db_job_totals',
    migration: '003_pylon_db_rollups',
    sql: `create view pylon_db_job_totals as
    select bucket.status, coalesce(counted.count, 0) as count
    from (values ('pending'), ('processing'), ('completed'), ('failed'), ('cancelled'), ('invalid'))
      as bucket (status)
    left join (
      select case when jobs.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then jobs.status else 'invalid' end as status, count(*) as count from jobs group by 1
    ) as counted on counted.status = bucket.status`,
  },
  {
    type: 'table',
    name: 'pylon_db_identity',
    table: 'pylon_db_identity',
    migration: '004_pylon_db_identity',
    sql: 'create table "pylon_db_identity" ("id" bigint not null primary key check (id = 1), "identity" text not null)',
    fill: 'insert into pylon_db_identity (id, identity) values (1, cast(gen_random_uuid() as text))',
  },
  {
    type: 'index',
    name: 'pylon_db_jobs_pending_kind',
    table: 'jobs',
    migration: '005_pylon_db_earning_hours',
    sql: `create index "pylon_db_jobs_pending_kind" on "jobs" ("kind", "created_at", "id") where "status" = 'pending'`,
  },
  {
    type: 'index',
    name: 'pylon_db_jobs_created_id',
    table: 'jobs',
    migration: '005_pylon_db_earning_hours',
    sql: 'create index "pylon_db_jobs_created_id" on "jobs" ("created_at", "id")',
  },
  {
    type: 'index',
    name: 'pylon_db_earnings_earned_id',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'create index "pylon_db_earnings_earned_id" on "earnings" ("earned_at", "id")',
  },
  {
    type: 'table',
    name: 'pylon_db_earning_hours',
    table: 'pylon_db_earning_hours',
    migration: '005_pylon_db_earning_hours',
    sql: 'create table pylon_db_earning_hours (hour bigint not null, source text not null, amount_high bigint not null, amount_low bigint not null, count bigint not null, amount_high_1 bigint not null, amount_low_1 bigint not null, count_1 bigint not null, amount_high_2 bigint not null, amount_low_2 bigint not null, count_2 bigint not null, amount_high_3 bigint not null, amount_low_3 bigint not null, count_3 bigint not null) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0)',
  },
  {
    type: 'table',
    name: 'pylon_db_job_payments',
    table: 'pylon_db_job_payments',
    migration: '005_pylon_db_earning_hours',
    sql: 'create table pylon_db_job_payments (job_id text collate "C" primary key, count bigint not null)',
  },
  {
    type: 'index',
    name: 'pylon_db_earning_hours_hour',
    table: 'pylon_db_earning_hours',
    migration: '005_pylon_db_earning_hours',
    sql: 'create index pylon_db_earning_hours_hour on pylon_db_earning_hours (hour)',
  },
  {
    type: 'function',
    name: 'pylon_db_earnings_insert',
    table: 'pylon_db_earnings_insert',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace function pylon_db_earnings_insert() returns trigger
language plpgsql security definer as $count$
declare
  added bigint;
  of_change bigint;
begin
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    (select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, 1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1 * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from new_rows limit 100)
    union all (select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from new_rows limit 100);
  get diagnostics added = row_count;
  if added = 200 then
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from (
      select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, 1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1 * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from (select * from new_rows offset 100) as new_rows
    union all select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (select * from new_rows offset 100) as new_rows
    ) as changed (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) group by hour, source;
  end if;
  if random() < 0.01 and current_setting('transaction_isolation') = 'read committed' then
    select earned_at / 3600 - (earned_at % 3600 < 0)::int into of_change from new_rows limit 1;
    with folded as (
      delete from pylon_db_earning_hours where ctid = any (array(
        select ctid from pylon_db_earning_hours
        where hour in (9223372036854775807, 9223372036854775806) or hour between of_change - 24 and of_change
        for update skip locked))
      returning hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from folded group by hour, source;
  end if;
    with changed as (
      select job_id, cast(sum(count) as bigint) as count from (select job_id, 1 as count from new_rows where job_id is not null) as each
      group by job_id having sum(count) <> 0
    ), counted as (
      insert into pylon_db_job_payments as payments (job_id, count)
      select job_id, count from changed order by job_id
      on conflict (job_id) do update set count = payments.count + excluded.count
      returning job_id, count
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select 9223372036854775806, 'job', 0, 0, paid, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (
      select sum((counted.count > 0)::int - (counted.count - changed.count > 0)::int) as paid
      from counted join changed using (job_id)
    ) as newly where paid <> 0;
  return null;
end $count$`,
  },
  {
    type: 'function',
    name: 'pylon_db_earnings_update',
    table: 'pylon_db_earnings_update',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace function pylon_db_earnings_update() returns trigger
language plpgsql security definer as $count$
declare
  added bigint;
  of_change bigint;
begin
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    (select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, 1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1 * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from new_rows limit 100)
    union all (select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from new_rows limit 100)
    union all (select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1 * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from old_rows limit 100)
    union all (select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from old_rows limit 100);
  get diagnostics added = row_count;
  if added = 400 then
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from (
      select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, 1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1 * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from (select * from new_rows offset 100) as new_rows
    union all select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (select * from new_rows offset 100) as new_rows
    union all select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1 * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from (select * from old_rows offset 100) as old_rows
    union all select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (select * from old_rows offset 100) as old_rows
    ) as changed (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) group by hour, source;
  end if;
  if random() < 0.01 and current_setting('transaction_isolation') = 'read committed' then
    select earned_at / 3600 - (earned_at % 3600 < 0)::int into of_change from new_rows limit 1;
    with folded as (
      delete from pylon_db_earning_hours where ctid = any (array(
        select ctid from pylon_db_earning_hours
        where hour in (9223372036854775807, 9223372036854775806) or hour between of_change - 24 and of_change
        for update skip locked))
      returning hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from folded group by hour, source;
  end if;
    with changed as (
      select job_id, cast(sum(count) as bigint) as count from (select job_id, 1 as count from new_rows where job_id is not null union all select job_id, -1 as count from old_rows where job_id is not null) as each
      group by job_id having sum(count) <> 0
    ), counted as (
      insert into pylon_db_job_payments as payments (job_id, count)
      select job_id, count from changed order by job_id
      on conflict (job_id) do update set count = payments.count + excluded.count
      returning job_id, count
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select 9223372036854775806, 'job', 0, 0, paid, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (
      select sum((counted.count > 0)::int - (counted.count - changed.count > 0)::int) as paid
      from counted join changed using (job_id)
    ) as newly where paid <> 0;
  return null;
end $count$`,
  },
  {
    type: 'function',
    name: 'pylon_db_earnings_delete',
    table: 'pylon_db_earnings_delete',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace function pylon_db_earnings_delete() returns trigger
language plpgsql security definer as $count$
declare
  added bigint;
  of_change bigint;
begin
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    (select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1 * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from old_rows limit 100)
    union all (select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from old_rows limit 100);
  get diagnostics added = row_count;
  if added = 200 then
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from (
      select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1 * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), -1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from (select * from old_rows offset 100) as old_rows
    union all select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      -1 * (amount_msats >> 32), -1 * (amount_msats & 4294967295), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (select * from old_rows offset 100) as old_rows
    ) as changed (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) group by hour, source;
  end if;
  if random() < 0.01 and current_setting('transaction_isolation') = 'read committed' then
    select earned_at / 3600 - (earned_at % 3600 < 0)::int into of_change from old_rows limit 1;
    with folded as (
      delete from pylon_db_earning_hours where ctid = any (array(
        select ctid from pylon_db_earning_hours
        where hour in (9223372036854775807, 9223372036854775806) or hour between of_change - 24 and of_change
        for update skip locked))
      returning hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from folded group by hour, source;
  end if;
    with changed as (
      select job_id, cast(sum(count) as bigint) as count from (select job_id, -1 as count from old_rows where job_id is not null) as each
      group by job_id having sum(count) <> 0
    ), counted as (
      insert into pylon_db_job_payments as payments (job_id, count)
      select job_id, count from changed order by job_id
      on conflict (job_id) do update set count = payments.count + excluded.count
      returning job_id, count
    )
    insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
    select 9223372036854775806, 'job', 0, 0, paid, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from (
      select sum((counted.count > 0)::int - (counted.count - changed.count > 0)::int) as paid
      from counted join changed using (job_id)
    ) as newly where paid <> 0;
  return null;
end $count$`,
  },
  {
    type: 'function',
    name: 'pylon_db_earnings_truncate',
    table: 'pylon_db_earnings_truncate',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace function pylon_db_earnings_truncate() returns trigger
language plpgsql security definer as $count$
declare
  added bigint;
  of_change bigint;
begin
  truncate pylon_db_earning_hours, pylon_db_job_payments;
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) values (9223372036854775807, 'job', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return null;
end $count$`,
  },
  {
    type: 'function',
    name: 'pylon_db_keep_totals',
    table: 'pylon_db_keep_totals',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace function pylon_db_keep_totals() returns void language plpgsql as $keep$
declare
  reader name;
  standing record;
begin
  lock table earnings in share row exclusive mode;
  -- Also from a table that was renamed.
  for standing in select tgname, tgrelid::regclass as place from pg_catalog.pg_trigger where tgfoid in (
    select oid from pg_catalog.pg_proc where pronamespace = current_schema()::regnamespace
      and proname in ('pylon_db_earnings_insert', 'pylon_db_earnings_update', 'pylon_db_earnings_delete', 'pylon_db_earnings_truncate'))
  loop execute format('drop trigger %I on %s', standing.tgname, standing.place);
  end loop;
  delete from pylon_db_job_payments;
  delete from pylon_db_earning_hours;
  if exists (select from pg_catalog.pg_class where oid = 'earnings'::regclass and relkind <> 'r')
    or exists (select from pg_catalog.pg_inherits where inhparent = 'earnings'::regclass)
    or exists (select from pg_catalog.pg_extension where extname = 'citus')
  then return;
  end if;
  create trigger pylon_db_earnings_insert after insert on earnings referencing new table as new_rows for each statement execute function pylon_db_earnings_insert();
  execute format('alter function pylon_db_earnings_insert() set search_path = pg_catalog, %I, pg_temp', current_schema());
  create trigger pylon_db_earnings_update after update on earnings referencing new table as new_rows old table as old_rows for each statement execute function pylon_db_earnings_update();
  execute format('alter function pylon_db_earnings_update() set search_path = pg_catalog, %I, pg_temp', current_schema());
  create trigger pylon_db_earnings_delete after delete on earnings referencing old table as old_rows for each statement execute function pylon_db_earnings_delete();
  execute format('alter function pylon_db_earnings_delete() set search_path = pg_catalog, %I, pg_temp', current_schema());
  create trigger pylon_db_earnings_truncate after truncate on earnings for each statement execute function pylon_db_earnings_truncate();
  execute format('alter function pylon_db_earnings_truncate() set search_path = pg_catalog, %I, pg_temp', current_schema());
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) values (9223372036854775807, 'job', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
  select hour, source, cast(sum(amount_high) as bigint), cast(sum(amount_low) as bigint), cast(sum(count) as bigint), cast(sum(amount_high_1) as bigint), cast(sum(amount_low_1) as bigint), cast(sum(count_1) as bigint), cast(sum(amount_high_2) as bigint), cast(sum(amount_low_2) as bigint), cast(sum(count_2) as bigint), cast(sum(amount_high_3) as bigint), cast(sum(amount_low_3) as bigint), cast(sum(count_3) as bigint) from (
    select earned_at / 3600 - (earned_at % 3600 < 0)::int, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other')
      and earned_at between -9007199254740991 and 9007199254740991 then source else 'invalid' end, 1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1 * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 900)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 1800)::int * 1, 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats >> 32), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * (amount_msats & 4294967295), 1 * ((earned_at % 3600 + 3600) % 3600 < 2700)::int * 1 from earnings
    union all select 9223372036854775807, case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      1 * (amount_msats >> 32), 1 * (amount_msats & 4294967295), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from earnings
  ) as entry (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3) group by hour, source;
  insert into pylon_db_job_payments (job_id, count)
  select job_id, count(*) from earnings where job_id is not null group by job_id;
  insert into pylon_db_earning_hours (hour, source, amount_high, amount_low, count, amount_high_1, amount_low_1, count_1, amount_high_2, amount_low_2, count_2, amount_high_3, amount_low_3, count_3)
  select 9223372036854775806, 'job', 0, 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0 from pylon_db_job_payments;
  for reader in select distinct rolname from pg_catalog.pg_class, aclexplode(relacl), pg_catalog.pg_roles as role
    where pg_class.oid = 'earnings'::regclass and privilege_type = 'SELECT' and role.oid = grantee
  loop execute format('grant select on pylon_db_earning_hours to %I', reader);
  end loop;
end $keep$`,
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_insert',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'select pylon_db_keep_totals()',
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_update',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'select pylon_db_keep_totals()',
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_delete',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'select pylon_db_keep_totals()',
  },
  {
    type: 'trigger',
    name: 'pylon_db_earnings_truncate',
    table: 'earnings',
    migration: '005_pylon_db_earning_hours',
    sql: 'select pylon_db_keep_totals()',
  },
  {
    type: 'view',
    name: 'pylon_db_earning_totals',
    table: 'pylon_db_earning_totals',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace view pylon_db_earning_totals as
    select source, cast(sum(amount_high) as bigint) as amount_high,
      cast(sum(amount_low) as bigint) as amount_low, cast(sum(count) as bigint) as count
    from pylon_db_earning_hours where hour = 9223372036854775807 group by source
    union all
    select case when amount_msats between -9007199254740991 and 9007199254740991
      and source in ('job', 'tip', 'other') then source else 'invalid' end,
      cast(sum(amount_msats >> 32) as bigint), cast(sum(amount_msats & 4294967295) as bigint), count(*)
    from earnings
    where not exists (select from pylon_db_earning_hours where hour = 9223372036854775807) group by 1`,
  },
  {
    type: 'view',
    name: 'pylon_db_paid_jobs',
    table: 'pylon_db_paid_jobs',
    migration: '005_pylon_db_earning_hours',
    sql: `create or replace view pylon_db_paid_jobs as
    select cast(1 as bigint) as id, case
      when exists (select from pylon_db_earning_hours where hour = 9223372036854775807)
      then (select cast(coalesce(sum(count), 0) as bigint) from pylon_db_earning_hours where hour = 9223372036854775806)
      else (select count(distinct job_id) from earnings) end as count`,
  },
];
