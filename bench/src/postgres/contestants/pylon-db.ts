import { NOW } from '../../contestant.js';
import { loadPylonDb } from '../../contestants/pylon-db.js';
import type { ServerEntry } from '../contestant.js';

/** pylon-db as it ships. */
export const pylonDb: ServerEntry = {
  name: 'pylon-db',
  async open(url, connections) {
    const { PylonDb } = await loadPylonDb();
    const db = await PylonDb.open(`${url}?max=${connections}`, { clock: () => NOW });
    return {
      getJob: (id) => db.jobs.get(id),
      insertJob: (job) => db.jobs.create(job),
      completeJob: (id, output_hash, price_msats) =>
        db.jobs.complete(id, { output_hash, price_msats }),
      claimJob: () => db.jobs.claimNext(),
      recordTick: (npub, tick) => db.agents.recordTick(npub, tick),
      close: () => db.close(),
    };
  },
};
