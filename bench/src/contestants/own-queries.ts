import type { QueryCreator } from 'kysely';
import type { DB, Params } from '../../../src/index.js';
import { type Contestant, type Entry, type Job, type JobStatus, NOW } from '../contestant.js';
import { loadPylonDb, throughServices } from './pylon-db.js';
import { JOB_COLUMNS } from './sql.js';

/** pylon-db's `prepared`, as a service uses it for tables of its own; all else by its services. */
export const ownQueries: Entry = {
  name: 'pylon-db, own queries',
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const { PylonDb, prepared } = await loadPylonDb();
    const get = prepared((tables: QueryCreator<DB>, p: Params<{ id: string }>) =>
      tables.selectFrom('jobs').select(JOB_COLUMNS).where('id', '=', p.id),
    );
    const list = prepared(
      (tables: QueryCreator<DB>, p: Params<{ status: JobStatus; limit: number }>) =>
        tables
          .selectFrom('jobs')
          .select(JOB_COLUMNS)
          .where('status', '=', p.status)
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(p.limit),
    );
    const insert = prepared((tables: QueryCreator<DB>, p: Params<Job>) =>
      tables.insertInto('jobs').values({
        id: p.id,
        kind: p.kind,
        customer_pubkey: p.customer_pubkey,
        status: p.status,
        price_msats: p.price_msats,
        input_hash: p.input_hash,
        output_hash: p.output_hash,
        error_message: p.error_message,
        started_at: p.started_at,
        completed_at: p.completed_at,
        created_at: p.created_at,
      }),
    );
    const db = await PylonDb.open(path, { clock: () => NOW });
    return {
      ...throughServices(db),
      getJob: (id) => db.first(get({ id })),
      listJobs: (status, limit) => db.all(list({ status, limit })),
      async insertJob(job) {
        await db.batch([insert(job)]);
        return { ...job };
      },
      async insertJobs(jobs) {
        await db.batch(jobs.map((job) => insert(job)));
        return jobs.map((job) => ({ ...job }));
      },
    };
  },
};
