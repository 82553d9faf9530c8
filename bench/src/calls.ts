import type { Contestant } from './contestant.js';
import type { Workload } from './workload.js';

// Each takes the values of one call out of a workload, and gives the call.

export function get(workload: Workload) {
  const id = workload.knownJob();
  return (contestant: Pick<Contestant, 'getJob'>) => contestant.getJob(id);
}

export function insert(workload: Workload) {
  const job = workload.newJob();
  return (contestant: Pick<Contestant, 'insertJob'>) => contestant.insertJob(job);
}

export function complete(workload: Workload) {
  const { id, output_hash, price_msats } = workload.completion();
  return (contestant: Pick<Contestant, 'completeJob'>) =>
    contestant.completeJob(id, output_hash, price_msats);
}

export function claim(workload: Workload) {
  workload.claim();
  return (contestant: Pick<Contestant, 'claimJob'>) => contestant.claimJob();
}

/** A tick of one of so many agents. */
export function tickOf(workload: Workload, agents: number) {
  const { npub, tick } = workload.newTick(agents);
  return (contestant: Pick<Contestant, 'recordTick'>) => contestant.recordTick(npub, tick);
}
