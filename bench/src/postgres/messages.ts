import type { KindName } from './cases.js';

/** What a contestant's process is started with, as its one argument. */
export interface WorkerProps {
  readonly entry: string;
  readonly url: string;
  readonly connections: number;
  /** Rows in each table. */
  readonly rows: number;
  /** Where its ticks begin. */
  readonly firstTick: number;
}

/** A turn to make ready for: so many calls, shared among so many callers. */
export interface Turn {
  readonly kind: KindName;
  readonly callers: number;
  readonly calls: number;
  /** Whether `done` brings what the calls gave. */
  readonly tellResults: boolean;
}

/** What a process is asked; it answers each with one {@link Answer}. */
export type Order = { readonly prepare: Turn } | 'go' | 'close';

export type Answer =
  /** Connected, or closed. */
  | { readonly state: 'open' | 'closed' }
  /** Prepared; fewer calls where the rows are used up. */
  | { readonly state: 'ready'; readonly calls: number }
  | {
      readonly state: 'done';
      /** The process's CPU time for the whole turn, in microseconds. */
      readonly cpuUs: number;
      readonly results: readonly unknown[];
    }
  | { readonly state: 'failed'; readonly why: string };
