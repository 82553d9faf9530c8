import { JOB_COLUMNS, NEW_TICK_COLUMNS } from '../../contestants/sql.js';

const columns = JOB_COLUMNS.join(', ');
const marks = (list: readonly string[]) => list.map((_, i) => `$${i + 1}`).join(', ');

/** The statements that somebody writes by hand for a server, in the order of their values. */
export const SQL = {
  getJob: `select ${columns} from jobs where id = $1`,
  insertJob: `insert into jobs (${columns}) values (${marks(JOB_COLUMNS)})`,
  completeJob: `update jobs set status = 'completed', output_hash = coalesce($1, output_hash),
    price_msats = $2, error_message = null, completed_at = $3
    where id = $4 and status in ('pending', 'processing') returning ${columns}`,
  claimJob: `update jobs set status = 'processing', started_at = $1, completed_at = null
    where id = (select id from jobs where status = 'pending' order by created_at, id
      limit 1 for update skip locked) returning ${columns}`,
  countTick: `update agents set tick_count = tick_count + 1, last_tick_at = $1, updated_at = $1
    where npub = $2`,
  insertTick: `insert into tick_history (${NEW_TICK_COLUMNS.join(', ')})
    values (${marks(NEW_TICK_COLUMNS)}) returning id`,
} as const;
