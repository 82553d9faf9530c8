import type { SessionPool } from '../../engine/postgres/pool.js';
import type { Session } from '../../engine/postgres/session.js';
import { recountServerTotals } from '../../migrate/own-server-objects.js';
import { counted } from '../shell/units.js';
import { type Finding, findingsOf, Tally } from './finding.js';

// One comparison in SQL, in one snapshot; the builder has no word for a full join of such lists.

/** What makes the totals of earnings that triggers keep on a server; jobs are counted by a view. */
const KEPT_SINCE = '005_pylon_db_earning_hours';

/** Hours of these and later ones are totals of all time. */
const NO_HOUR = '9223372036854775806';

const IS_SUMMED = `amount_msats between -9007199254740991 and 9007199254740991
  and source in ('job', 'tip', 'other')`;

const SAFE_TIME = 'earned_at between -9007199254740991 and 9007199254740991';

/** An amount in halves, and in how many earnings: exact at any size. */
const inWords = (high: string, low: string, count: string) =>
  `(sum(${high})::numeric * 4294967296 + sum(${low})) || ' msats in ' || sum(${count})`;

/** What an hour earned until the end of each of its quarters. */
const KEPT_HOUR = ['_1', '_2', '_3', '']
  .map((end) => inWords(`amount_high${end}`, `amount_low${end}`, `count${end}`))
  .join(` || ', ' || `);
const HOUR_OF_ROWS = [900, 1800, 2700, 3600]
  .map((end) => {
    const isIn = `(((earned_at % 3600 + 3600) % 3600) < ${end})::int`;
    return inWords(`${isIn} * (amount_msats >> 32)`, `${isIn} * (amount_msats & 4294967295)`, isIn);
  })
  .join(` || ', ' || `);

const DIFFERENCES = `
  with says (total, key, value) as (
    select 'pylon_db_earning_totals', source, case when source = 'invalid' then count::text
      else ${inWords('amount_high', 'amount_low', 'count')} end
    from pylon_db_earning_totals where count <> 0 or amount_high <> 0 or amount_low <> 0
    group by source, count
    union all
    select 'pylon_db_paid_jobs', '1', count::text from pylon_db_paid_jobs where count <> 0
    union all
    select 'pylon_db_earning_hours', hour || ' ' || source, ${KEPT_HOUR}
    from pylon_db_earning_hours where hour < ${NO_HOUR} group by hour, source having sum(count) <> 0
      or sum(amount_high)::numeric * 4294967296 + sum(amount_low) <> 0
  ), gives (total, key, value) as (
    select 'pylon_db_earning_totals', source, case when source = 'invalid' then count(*)::text
      else ${inWords('amount_msats >> 32', 'amount_msats & 4294967295', '1')} end
    from (select amount_msats, case when ${IS_SUMMED} then source else 'invalid' end as source from earnings) as e
    group by source
    union all
    select 'pylon_db_paid_jobs', '1', count(distinct job_id)::text from earnings having count(job_id) > 0
    union all
    select 'pylon_db_earning_hours', hour || ' ' || source, ${HOUR_OF_ROWS}
    from (select amount_msats, earned_at, earned_at / 3600 - (earned_at % 3600 < 0)::int as hour,
        case when ${IS_SUMMED} and ${SAFE_TIME} then source else 'invalid' end as source from earnings) as e
    where exists (select from pylon_db_earning_hours where hour >= ${NO_HOUR})
    group by hour, source
  )
  select total || ' ' || key || ': says ' || coalesce(says.value, 'nothing') ||
    ', the rows give ' || coalesce(gives.value, 'nothing')
  from says full join gives using (total, key)
  where says.value is distinct from gives.value
  order by total, key`;

/** Whether these migrations keep totals by triggers; views count the rows before. */
export function keepsTotals(applied: readonly string[]): boolean {
  return applied.includes(KEPT_SINCE);
}

/** Compares the totals that triggers keep with the rows themselves. */
export async function checkServerRollups(session: Session): Promise<Finding[]> {
  const tally = new Tally();
  for (const [difference] of (await session.texts(DIFFERENCES, [])).rows) {
    tally.add(String(difference));
  }
  return findingsOf(tally, {
    check: 'rollups',
    problem: `${counted(tally.count, 'total')} not equal to what the rows give`,
    mend: 'Run `pylon-db check --repair`: it counts them anew.',
    repairable: true,
  });
}

/** Counts the totals anew where they are wrong; writers wait meanwhile. Whether they were. */
export async function repairServerRollups(pool: SessionPool): Promise<boolean> {
  return await pool.withSession(async (session) => {
    if ((await checkServerRollups(session)).length === 0) return false;
    await session.raw('begin isolation level read committed', []);
    try {
      await recountServerTotals(session);
      await session.raw('commit', []);
      return true;
    } catch (error) {
      await session.raw('rollback', []).catch(() => session.spoil());
      throw error;
    }
  });
}
