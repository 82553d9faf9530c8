import type { Contestant } from '../contestant.js';

/** What is measured on a server: what a node and its workers call all day. */
export type ServerContestant = Pick<
  Contestant,
  'getJob' | 'insertJob' | 'completeJob' | 'claimJob' | 'recordTick' | 'close'
>;

/** A contestant before it is connected. */
export interface ServerEntry {
  readonly name: string;
  /** Connects with so many connections at the most. */
  open(url: string, connections: number): Promise<ServerContestant>;
}
