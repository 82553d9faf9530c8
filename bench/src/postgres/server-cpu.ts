import { readFileSync } from 'node:fs';
import type { BenchServer } from './dataset.js';

/** Nanoseconds in a microsecond. */
const NS_A_US = 1000;

/**
 * CPU time that the server's processes have spent so far for one database, in microseconds, by
 * process. Empty where the system doesn't say (other than Linux).
 */
export async function serverCpu(
  server: BenchServer,
  database: string,
): Promise<ReadonlyMap<number, number>> {
  const rows = await server.ask(`select pid from pg_stat_activity where datname = '${database}'`);
  return new Map(rows.map(({ pid }): [number, number] => [Number(pid), cpuOf(Number(pid))]));
}

/** What the processes of `after` spent since `before`; those that began meanwhile count whole. */
export function spentSince(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
): number {
  let spent = 0;
  for (const [pid, cpuUs] of after) spent += cpuUs - (before.get(pid) ?? 0);
  return spent;
}

function cpuOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)) / NS_A_US;
  } catch {
    return Number.NaN;
  }
}
