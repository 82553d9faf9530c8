import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import {
  type Agent,
  type Earning,
  type EarningsSummary,
  JOB_STATUSES,
  type Job,
  type JobStatus,
  LIFECYCLE_STATES,
  type LifecycleState,
  type PylonDb,
  type Tick,
} from '../src/index.js';

/** Where the database of another implementation is kept. */
export const CLEAN = fileURLToPath(new URL('./fixtures', import.meta.url));
/** Its file. */
export const NAME = 'node-001.db';

/** What the original implementation answered for the file. */
interface Answers {
  readonly count_jobs_by_status: Partial<Record<JobStatus, number>>;
  readonly list_jobs_by_status_100: Record<JobStatus, Job[]>;
  readonly get_job_all: Job[];
  readonly get_job_missing: null;
  readonly get_total_earnings: number;
  readonly get_today_earnings: number;
  readonly get_earnings_summary: EarningsSummary;
  readonly get_recent_earnings_10: Earning[];
  readonly get_earnings_in_range: { start: number; end: number; result: Earning[] }[];
  readonly list_all_agents: Agent[];
  readonly list_agents_by_state: Record<LifecycleState, Agent[]>;
  readonly get_agent_missing: null;
  readonly get_tick_history_10: Record<string, Tick[]>;
  readonly get_tick_history_deleted_agent: Tick[];
}
interface Facts {
  readonly generated_at: number;
  readonly today_utc_start: number;
  readonly sqlite_version: string;
}
const { generated_at, today_utc_start, sqlite_version, ...answers }: Facts & Answers = JSON.parse(
  readFileSync(join(CLEAN, 'node-001.expected.json'), 'utf8'),
);

/** When and by what the answers were given. */
export const FACTS: Facts = { generated_at, today_utc_start, sqlite_version };

/** The answers. */
export const ANSWERS: Answers = answers;

/** The same questions, put to the public API. */
export const QUESTIONS: {
  readonly [Key in keyof Answers]: (db: PylonDb) => Promise<Answers[Key]>;
} = {
  // The original leaves out statuses that do not occur.
  count_jobs_by_status: async (db) =>
    Object.fromEntries(Object.entries(await db.jobs.countByStatus()).filter(([, n]) => n > 0)),
  list_jobs_by_status_100: (db) =>
    each(JOB_STATUSES, (status) => db.jobs.listByStatus(status, { limit: 100 })),
  get_job_all: async (db) => {
    const jobs = await Promise.all(ANSWERS.get_job_all.map(({ id }) => db.jobs.get(id)));
    return jobs.filter((job) => job !== undefined);
  },
  get_job_missing: async (db) => nothing(await db.jobs.get('missing')),
  get_total_earnings: (db) => db.earnings.total(),
  get_today_earnings: (db) => db.earnings.today(),
  get_earnings_summary: (db) => db.earnings.summary(),
  get_recent_earnings_10: (db) => db.earnings.recent(10),
  get_earnings_in_range: (db) =>
    Promise.all(
      ANSWERS.get_earnings_in_range.map(async ({ start, end }) => {
        return { start, end, result: await db.earnings.inRange(start, end) };
      }),
    ),
  list_all_agents: (db) => db.agents.listAll(),
  list_agents_by_state: (db) => each(LIFECYCLE_STATES, (state) => db.agents.listByState(state)),
  get_agent_missing: async (db) => nothing(await db.agents.get('missing')),
  get_tick_history_10: (db) =>
    each(Object.keys(ANSWERS.get_tick_history_10), (npub) =>
      db.agents.tickHistory(npub, { limit: 10 }),
    ),
  get_tick_history_deleted_agent: (db) => db.agents.tickHistory('deleted'),
};

async function each<Key extends string, Row>(
  keys: readonly Key[],
  ask: (key: Key) => Promise<Row[]>,
): Promise<Record<Key, Row[]>> {
  const answers: Partial<Record<Key, Row[]>> = {};
  for (const key of keys) answers[key] = await ask(key);
  return answers as Record<Key, Row[]>;
}

function nothing(row: object | undefined): null {
  expect(row).toBeUndefined();
  return null;
}
