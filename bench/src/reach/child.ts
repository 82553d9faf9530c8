import { fileURLToPath } from 'node:url';

/** The program that runs in processes of its own, as it is built. */
export const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url));

/** What a process that opens a database reports. */
export interface OpeningTimes {
  /** From before the import until the database is open. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** All CPU time of the process so far, the start of Node included. */
  readonly processCpuMs: number;
}

/** The largest resident set so far, in MB, after each part of the work. */
export interface MemoryPeaks {
  readonly listing: number;
  readonly rollingUp: number;
  readonly ticking: number;
}
