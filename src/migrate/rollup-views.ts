import type Database from 'better-sqlite3';

const VIEWS = `
    create temp view if not exists pylon_db_job_totals as
      select bucket as status, (select count(*) from jobs where case
          when status in ('pending', 'processing', 'completed', 'failed', 'cancelled') then status
          else 'invalid' end = bucket) as count
      from (select 'pending' as bucket union all select 'processing' union all select 'completed'
        union all select 'failed' union all select 'cancelled' union all select 'invalid');
    create temp view if not exists pylon_db_earning_totals as
      select case when typeof(amount_msats) = 'integer'
          and amount_msats between -9007199254740991 and 9007199254740991
          and source in ('job', 'tip', 'other') then source else 'invalid' end as source,
        sum(amount_msats >> 32) as amount_high,
        sum(amount_msats & 4294967295) as amount_low,
        count(*) as count
      from earnings group by 1;
    create temp view if not exists pylon_db_paid_jobs as
      select 1 as id, count(distinct job_id) as count from earnings;
    create temp view if not exists pylon_db_earning_hours as
      select 0 as hour, '' as source, 0 as amount_high, 0 as amount_low, 0 as count,
        0 as amount_high_1, 0 as amount_low_1, 0 as count_1,
        0 as amount_high_2, 0 as amount_low_2, 0 as count_2,
        0 as amount_high_3, 0 as amount_low_3, 0 as count_3
      where false;`;

const NO_VIEWS = `
    drop view if exists temp.pylon_db_job_totals;
    drop view if exists temp.pylon_db_earning_totals;
    drop view if exists temp.pylon_db_paid_jobs;
    drop view if exists temp.pylon_db_earning_hours;`;

/**
 * Puts TEMP views in the place of the totals that triggers keep, or takes them away again. A
 * connection with them answers everything, slower, and the file stays as it is. No earnings by the hour: ranges
 * read the earnings where the hour of all time isn't there. The builder has no
 * word for TEMP views on a plain connection.
 */
export function countFromRows(db: Database.Database, counts: boolean): void {
  db.exec(counts ? VIEWS : NO_VIEWS);
}
