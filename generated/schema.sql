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
    end;
CREATE TRIGGER pylon_db_earnings_after_insert after insert on earnings
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
    end;
CREATE TRIGGER pylon_db_earnings_after_replace after insert on earnings
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
    end;
CREATE TRIGGER pylon_db_earnings_after_update after update on earnings
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
    end;
CREATE TRIGGER pylon_db_earnings_before_insert before insert on earnings
    when exists (select 1 from earnings where id = new.id)
      or exists (select 1 from earnings where rowid = new.rowid)
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
      where id = new.id or rowid = new.rowid;
    end;
CREATE TRIGGER pylon_db_earnings_before_update before update on earnings
    begin
      delete from pylon_db_replaced_earnings;
      insert into pylon_db_replaced_earnings (row_id, id, job_id, amount_msats, source, earned_at)
      select rowid, id, job_id, amount_msats, source, earned_at from earnings
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

CREATE TABLE "pylon_db_earning_hours" (
  "hour" integer not null,
  "source" text not null,
  "amount_high" integer not null,
  "amount_low" integer not null,
  "count" integer not null,
  "amount_high_1" integer not null,
  "amount_low_1" integer not null,
  "count_1" integer not null,
  "amount_high_2" integer not null,
  "amount_low_2" integer not null,
  "count_2" integer not null,
  "amount_high_3" integer not null,
  "amount_low_3" integer not null,
  "count_3" integer not null,
  constraint "pylon_db_earning_hours_key" primary key ("hour", "source")
) without rowid;

CREATE VIEW pylon_db_earning_totals as
    select source, amount_high, amount_low, count from pylon_db_earning_hours
    where hour = 9223372036854775807;

CREATE TABLE "pylon_db_identity" (
  "id" integer not null primary key check (id = 1),
  "identity" text not null
) without rowid;

CREATE TABLE "pylon_db_job_totals" (
  "status" text not null primary key,
  "count" integer not null
) without rowid;

CREATE VIEW pylon_db_paid_jobs as
    select cast(1 as integer) as id, count from pylon_db_earning_hours
    where hour = 9223372036854775806;

CREATE TABLE "pylon_db_replaced_earnings" (
  "row_id" integer primary key,
  "id" text,
  "job_id" text,
  "amount_msats" integer,
  "source" text,
  "earned_at" integer
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
