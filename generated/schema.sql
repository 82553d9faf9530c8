-- Generated from the database schema; do not edit. After a migration: npm run codegen

CREATE TABLE "agents" (
  "npub" text primary key,
  "name" text not null,
  "lifecycle_state" text not null check (lifecycle_state in ('embryonic', 'active', 'dormant', 'terminated')),
  "balance_sats" integer not null default 0,
  "tick_count" integer not null default 0,
  "last_tick_at" integer,
  "memory_json" text,
  "goals_json" text,
  "created_at" integer not null default (unixepoch()),
  "updated_at" integer not null default (unixepoch())
);
CREATE INDEX "idx_agents_state" on "agents" ("lifecycle_state");

CREATE TABLE "earnings" (
  "id" text primary key,
  "job_id" text references "jobs" ("id"),
  "amount_msats" integer not null,
  "source" text not null check (source in ('job', 'tip', 'other')),
  "payment_hash" text,
  "preimage" text,
  "earned_at" integer not null default (unixepoch())
);
CREATE INDEX "idx_earnings_date" on "earnings" ("earned_at");
CREATE INDEX "idx_earnings_job" on "earnings" ("job_id");
CREATE INDEX "pylon_db_earnings_payment" on "earnings" ("payment_hash") where "payment_hash" is not null;
CREATE TRIGGER pylon_db_earnings_after_delete after delete on earnings
    begin 
      update pylon_db_earning_totals
      set amount_high = amount_high - (old.amount_msats >> 32),
        amount_low = amount_low - (old.amount_msats & 4294967295),
        count = count - 1
      where source = case when typeof(old.amount_msats) = 'integer'
        and old.amount_msats between -9007199254740991 and 9007199254740991
        and old.source in ('job', 'tip', 'other')
        then old.source else 'invalid' end;
      update pylon_db_paid_jobs set count = count - 1
      where old.job_id is not null
        and not exists (select 1 from earnings where job_id = old.job_id);
      delete from pylon_db_replaced_earnings where row_id = old.rowid;
    end;
CREATE TRIGGER pylon_db_earnings_after_insert after insert on earnings
    begin 
      update pylon_db_earning_totals
      set amount_high = amount_high + (new.amount_msats >> 32),
        amount_low = amount_low + (new.amount_msats & 4294967295),
        count = count + 1
      where source = case when typeof(new.amount_msats) = 'integer'
        and new.amount_msats between -9007199254740991 and 9007199254740991
        and new.source in ('job', 'tip', 'other')
        then new.source else 'invalid' end;
      update pylon_db_paid_jobs set count = count + 1
      where new.job_id is not null and not exists (select 1 from earnings e where e.job_id = new.job_id and e.rowid <> new.rowid);
    end;
CREATE TRIGGER pylon_db_earnings_after_replace after insert on earnings
    when exists (select 1 from pylon_db_replaced_earnings)
    begin 
      update pylon_db_earning_totals
      set (amount_high, amount_low, count) = (
        select pylon_db_earning_totals.amount_high - coalesce(sum(s.amount_msats >> 32), 0),
          pylon_db_earning_totals.amount_low - coalesce(sum(s.amount_msats & 4294967295), 0),
          pylon_db_earning_totals.count - count(*)
        from pylon_db_replaced_earnings s
        where (s.id = new.id or s.row_id = new.rowid) and case when typeof(s.amount_msats) = 'integer'
        and s.amount_msats between -9007199254740991 and 9007199254740991
        and s.source in ('job', 'tip', 'other')
        then s.source else 'invalid' end = pylon_db_earning_totals.source);
      update pylon_db_paid_jobs
      set count = count - (select count(distinct s.job_id) from pylon_db_replaced_earnings s
        where (s.id = new.id or s.row_id = new.rowid) and not exists (select 1 from earnings e where e.job_id = s.job_id and e.rowid <> new.rowid));
      delete from pylon_db_replaced_earnings where id = new.id or row_id = new.rowid;
    end;
CREATE TRIGGER pylon_db_earnings_after_update after update on earnings
    begin 
      update pylon_db_earning_totals
      set (amount_high, amount_low, count) = (
        select pylon_db_earning_totals.amount_high - coalesce(sum(s.amount_msats >> 32), 0),
          pylon_db_earning_totals.amount_low - coalesce(sum(s.amount_msats & 4294967295), 0),
          pylon_db_earning_totals.count - count(*)
        from pylon_db_replaced_earnings s
        where (s.id = new.id or s.row_id = new.rowid) and case when typeof(s.amount_msats) = 'integer'
        and s.amount_msats between -9007199254740991 and 9007199254740991
        and s.source in ('job', 'tip', 'other')
        then s.source else 'invalid' end = pylon_db_earning_totals.source);
      update pylon_db_earning_totals
      set amount_high = amount_high - (old.amount_msats >> 32),
        amount_low = amount_low - (old.amount_msats & 4294967295),
        count = count - 1
      where source = case when typeof(old.amount_msats) = 'integer'
        and old.amount_msats between -9007199254740991 and 9007199254740991
        and old.source in ('job', 'tip', 'other')
        then old.source else 'invalid' end;
      update pylon_db_earning_totals
      set amount_high = amount_high + (new.amount_msats >> 32),
        amount_low = amount_low + (new.amount_msats & 4294967295),
        count = count + 1
      where source = case when typeof(new.amount_msats) = 'integer'
        and new.amount_msats between -9007199254740991 and 9007199254740991
        and new.source in ('job', 'tip', 'other')
        then new.source else 'invalid' end;
      update pylon_db_paid_jobs
      set count = count - (select count(distinct gone.job_id) from (
          select s.job_id from pylon_db_replaced_earnings s where (s.id = new.id or s.row_id = new.rowid)
          union all select old.job_id) as gone
        where not exists (select 1 from earnings e where e.job_id = gone.job_id and e.rowid <> new.rowid));
      
      update pylon_db_paid_jobs set count = count + 1
      where new.job_id is not null and not exists (select 1 from earnings e where e.job_id = new.job_id and e.rowid <> new.rowid);
      delete from pylon_db_replaced_earnings;
    end;
CREATE TRIGGER pylon_db_earnings_before_insert before insert on earnings
    when exists (select 1 from earnings where id = new.id)
      or exists (select 1 from earnings where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source)
      select rowid, id, job_id, amount_msats, source from earnings
      where id = new.id or rowid = new.rowid;
    end;
CREATE TRIGGER pylon_db_earnings_before_update before update on earnings
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source)
      select rowid, id, job_id, amount_msats, source from earnings
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end;

CREATE TABLE "jobs" (
  "id" text primary key,
  "kind" integer not null,
  "customer_pubkey" text not null,
  "status" text not null check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
  "price_msats" integer not null default 0,
  "input_hash" text,
  "output_hash" text,
  "error_message" text,
  "started_at" integer not null,
  "completed_at" integer,
  "created_at" integer not null default (unixepoch())
);
CREATE INDEX "idx_jobs_created" on "jobs" ("created_at");
CREATE INDEX "idx_jobs_customer" on "jobs" ("customer_pubkey");
CREATE INDEX "idx_jobs_status" on "jobs" ("status");
CREATE INDEX "pylon_db_jobs_pending_kind" on "jobs" ("kind", "created_at", "id") where "status" = 'pending';
CREATE INDEX "pylon_db_jobs_status_created" on "jobs" ("status", "created_at", "id");
CREATE TRIGGER pylon_db_jobs_after_delete after delete on jobs
    begin
      update pylon_db_job_totals set count = count - 1 where status = case when old.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then old.status else 'invalid' end;
      delete from pylon_db_replaced_jobs where row_id = old.rowid;
    end;
CREATE TRIGGER pylon_db_jobs_after_insert after insert on jobs
    begin
      update pylon_db_job_totals set count = count + 1 where status = case when new.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then new.status else 'invalid' end;
    end;
CREATE TRIGGER pylon_db_jobs_after_move after update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where case when s.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then s.status else 'invalid' end = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs;
    end;
CREATE TRIGGER pylon_db_jobs_after_replace after insert on jobs
    when exists (select 1 from pylon_db_replaced_jobs)
    begin
      update pylon_db_job_totals
      set count = count - (select count(*) from pylon_db_replaced_jobs s
        where (s.id = new.id or s.row_id = new.rowid)
        and case when s.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then s.status else 'invalid' end = pylon_db_job_totals.status);
      delete from pylon_db_replaced_jobs where id = new.id or row_id = new.rowid;
    end;
CREATE TRIGGER pylon_db_jobs_after_status after update of status on jobs
    when old.status is not new.status
    begin
      update pylon_db_job_totals set count = count - 1 where status = case when old.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then old.status else 'invalid' end;
      update pylon_db_job_totals set count = count + 1 where status = case when new.status in ('pending', 'processing', 'completed', 'failed', 'cancelled')
        then new.status else 'invalid' end;
    end;
CREATE TRIGGER pylon_db_jobs_before_insert before insert on jobs
    when exists (select 1 from jobs where id = new.id) or exists (select 1 from jobs where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs where id = new.id or rowid = new.rowid;
    end;
CREATE TRIGGER pylon_db_jobs_before_update before update on jobs
    when new.id is not old.id or new.rowid <> old.rowid
    begin
      delete from pylon_db_replaced_jobs;
      insert into pylon_db_replaced_jobs (row_id, id, status)
      select rowid, id, status from jobs
      where (id = new.id or rowid = new.rowid) and rowid <> old.rowid;
    end;

CREATE TABLE "migrations" (
  "id" integer primary key,
  "name" text not null unique,
  "applied_at" integer not null default (unixepoch())
);

CREATE TABLE "pylon_db_earning_totals" (
  "source" text not null primary key,
  "amount_high" integer not null,
  "amount_low" integer not null,
  "count" integer not null
) without rowid;

CREATE TABLE "pylon_db_identity" (
  "id" integer not null primary key check (id = 1),
  "identity" text not null
) without rowid;

CREATE TABLE "pylon_db_job_totals" (
  "status" text not null primary key,
  "count" integer not null
) without rowid;

CREATE TABLE "pylon_db_paid_jobs" (
  "id" integer primary key check (id = 1),
  "count" integer not null
);

CREATE TABLE "pylon_db_replaced_earnings" (
  "row_id" integer primary key,
  "id" text,
  "job_id" text,
  "amount_msats" integer,
  "source" text
);

CREATE TABLE "pylon_db_replaced_jobs" (
  "row_id" integer primary key,
  "id" text,
  "status" text
);

CREATE TABLE "tick_history" (
  "id" integer primary key autoincrement,
  "agent_npub" text not null references "agents" ("npub"),
  "tick_number" integer not null,
  "prompt_tokens" integer,
  "completion_tokens" integer,
  "actions_json" text,
  "cost_sats" integer,
  "duration_ms" integer,
  "created_at" integer not null default (unixepoch())
);
CREATE INDEX "idx_tick_history_agent" on "tick_history" ("agent_npub");
CREATE INDEX "idx_tick_history_date" on "tick_history" ("created_at");
CREATE INDEX "pylon_db_ticks_agent_number" on "tick_history" ("agent_npub", "tick_number");
