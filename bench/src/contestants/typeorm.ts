import type Database from 'better-sqlite3';
import { Between, DataSource, EntitySchema, type EntitySchemaColumnOptions, In } from 'typeorm';
import { type Contestant, type Entry, type Job, NOW, type Tick } from '../contestant.js';
import {
  type DayTotal,
  type RolledUp,
  type StatusCount,
  toCounts,
  toDays,
  toSourceTotals,
  toSummary,
  toTotal,
} from './results.js';

interface Agent {
  npub: string;
  tick_count: number;
  last_tick_at: number | null;
  updated_at: number;
}

interface Earning {
  id: string;
  amount_msats: number;
  source: string;
  earned_at: number;
}

interface PaidJobs {
  id: number;
  count: number;
}

const text: EntitySchemaColumnOptions = { type: 'text' };
const integer: EntitySchemaColumnOptions = { type: 'integer' };
const key = (column: EntitySchemaColumnOptions) => ({ ...column, primary: true });
const nullable = (column: EntitySchemaColumnOptions) => ({ ...column, nullable: true });

const JobEntity = new EntitySchema<Job>({
  name: 'jobs',
  columns: {
    id: key(text),
    kind: integer,
    customer_pubkey: text,
    status: text,
    price_msats: integer,
    input_hash: nullable(text),
    output_hash: nullable(text),
    error_message: nullable(text),
    started_at: integer,
    completed_at: nullable(integer),
    created_at: integer,
  },
});

const EarningEntity = new EntitySchema<Earning>({
  name: 'earnings',
  columns: { id: key(text), amount_msats: integer, source: text, earned_at: integer },
});

const AgentEntity = new EntitySchema<Agent>({
  name: 'agents',
  columns: {
    npub: key(text),
    tick_count: integer,
    last_tick_at: nullable(integer),
    updated_at: integer,
  },
});

const TickEntity = new EntitySchema<Tick>({
  name: 'tick_history',
  columns: {
    id: { ...key(integer), generated: 'increment' },
    agent_npub: text,
    tick_number: integer,
    prompt_tokens: nullable(integer),
    completion_tokens: nullable(integer),
    actions_json: nullable(text),
    cost_sats: nullable(integer),
    duration_ms: nullable(integer),
    created_at: integer,
  },
});

const JobTotalEntity = new EntitySchema<StatusCount>({
  name: 'pylon_db_job_totals',
  columns: { status: key(text), count: integer },
});

const EarningTotalEntity = new EntitySchema<RolledUp>({
  name: 'pylon_db_earning_totals',
  columns: { source: key(text), amount_high: integer, amount_low: integer },
});

const PaidJobsEntity = new EntitySchema<PaidJobs>({
  name: 'pylon_db_paid_jobs',
  columns: { id: key(integer), count: integer },
});

/**
 * The ORM. Prisma 7 was the first choice, but `prisma generate` downloads its schema engine even
 * for the client without an engine, from outside the package registry, and its command line
 * alone installs 330 MB.
 */
export const typeOrm: Entry = {
  name: 'TypeORM',
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const source = await connect(path);
    const jobs = source.getRepository(JobEntity);
    const turn = inTurn();
    return {
      getJob: async (id) => (await jobs.findOneBy({ id })) ?? undefined,
      async insertJob(job) {
        await jobs.insert(job);
        return { ...job };
      },
      async insertJobs(rows) {
        await jobs.insert([...rows]);
        return rows.map((job) => ({ ...job }));
      },
      async completeJob(id, output_hash, price_msats) {
        await jobs.update(
          { id, status: In(['pending', 'processing']) },
          {
            status: 'completed',
            output_hash,
            price_msats,
            error_message: null,
            completed_at: NOW,
          },
        );
        return await jobs.findOneByOrFail({ id });
      },
      listJobs: (status, limit) =>
        jobs.find({ where: { status }, order: { created_at: 'DESC', id: 'DESC' }, take: limit }),
      claimJob: () =>
        turn(() =>
          source.transaction(async (manager) => {
            const [job] = await manager.find(JobEntity, {
              where: { status: 'pending' },
              order: { created_at: 'ASC', id: 'ASC' },
              take: 1,
            });
            if (job === undefined) return undefined;
            const change = { status: 'processing', started_at: NOW, completed_at: null } as const;
            await manager.update(JobEntity, { id: job.id }, change);
            return { ...job, ...change };
          }),
        ),
      recordTick: (npub, tick) =>
        turn(() =>
          source.transaction(async (manager) => {
            await manager.update(
              AgentEntity,
              { npub },
              { tick_count: () => 'tick_count + 1', last_tick_at: NOW, updated_at: NOW },
            );
            const row = { agent_npub: npub, ...tick, created_at: NOW };
            const { identifiers } = await manager.insert(TickEntity, { ...row });
            return { id: Number(identifiers[0]?.['id']), ...row };
          }),
        ),
      tickHistory: (npub, limit) =>
        source.getRepository(TickEntity).find({
          where: { agent_npub: npub },
          order: { tick_number: 'DESC', id: 'DESC' },
          take: limit,
        }),
      countByStatus: async () => toCounts(await source.getRepository(JobTotalEntity).find()),
      total: async () =>
        toTotal(toSourceTotals(await source.getRepository(EarningTotalEntity).find())),
      async summary() {
        const sources = await source.getRepository(EarningTotalEntity).find();
        const paid = await source.getRepository(PaidJobsEntity).findOneBy({ id: 1 });
        return toSummary(toSourceTotals(sources), paid?.count ?? 0);
      },
      async rollupDays(start, end) {
        const rows = await source
          .getRepository(EarningEntity)
          .createQueryBuilder('e')
          .select('e.earned_at / 86400', 'day')
          .addSelect('e.source', 'source')
          .addSelect('sum(e.amount_msats)', 'amount')
          .addSelect('count(*)', 'count')
          .where({ earned_at: Between(start, end) })
          .groupBy('day')
          .addGroupBy('source')
          .getRawMany<DayTotal>();
        return toDays(rows, start, end);
      },
      close: () => source.destroy(),
    };
  },
};

async function connect(path: string): Promise<DataSource> {
  const source = new DataSource({
    type: 'better-sqlite3',
    database: path,
    enableWAL: true,
    prepareDatabase(db: Database.Database) {
      db.pragma('synchronous = normal');
      db.pragma('temp_store = memory');
      db.pragma('cache_size = -65536');
      db.pragma('wal_autocheckpoint = 4000');
    },
    entities: [
      JobEntity,
      EarningEntity,
      AgentEntity,
      TickEntity,
      JobTotalEntity,
      EarningTotalEntity,
      PaidJobsEntity,
    ],
  });
  return await source.initialize();
}

/** TypeORM has one connection here and doesn't queue for it: its transactions must not overlap. */
function inTurn() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(run: () => Promise<Result>): Promise<Result> => {
    const result = last.then(run);
    last = result.catch(() => undefined);
    return result;
  };
}
