import type { PylonDb } from '../../../src/index.js';
import { type Contestant, type Entry, NOW } from '../contestant.js';

/** The built package, as its users import it. */
export function loadPylonDb(): Promise<typeof import('../../../src/index.js')> {
  return import(new URL('../../dist/index.js', import.meta.url).href);
}

const entry = (name: string, durability: 'normal' | 'full'): Entry => ({
  name,
  schema: 'ours',
  async open(path): Promise<Contestant> {
    const { PylonDb } = await loadPylonDb();
    return throughServices(await PylonDb.open(path, { clock: () => NOW, durability }));
  },
});

/** A database by the calls that pylon-db has for the published tables. */
export function throughServices(db: PylonDb): Contestant {
  return {
    getJob: (id) => db.jobs.get(id),
    insertJob: (job) => db.jobs.create(job),
    insertJobs: (jobs) => Promise.all(jobs.map((job) => db.jobs.create(job))),
    completeJob: (id, output_hash, price_msats) =>
      db.jobs.complete(id, { output_hash, price_msats }),
    listJobs: (status, limit) => db.jobs.listByStatus(status, { limit }),
    claimJob: () => db.jobs.claimNext(),
    recordTick: (npub, tick) => db.agents.recordTick(npub, tick),
    tickHistory: (npub, limit) => db.agents.tickHistory(npub, { limit }),
    countByStatus: () => db.jobs.countByStatus(),
    total: () => db.earnings.total(),
    summary: () => db.earnings.summary(),
    rollupDays: (start, end) => db.earnings.rollup({ by: 'day', start, end }),
    close: () => db.close(),
  };
}

/** pylon-db as it ships. */
export const pylonDb = entry('pylon-db', 'normal');

/** pylon-db with commits that outlive a power cut. */
export const pylonDbFull = entry('pylon-db, full', 'full');
