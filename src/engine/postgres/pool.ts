import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { DriverPool } from './driver-pool.js';
import { isConnectionLost, NotConnected } from './failures.js';
import { nameMissingRight } from './missing-right.js';
import { Session, type SessionProps } from './session.js';

/** How often a server is asked to stop, in ms: between two statements it hears nothing. */
const CANCEL_AGAIN_MS = 1000;

/** The connections of one PylonDb to its server. */
export class SessionPool {
  readonly #pool: DriverPool;
  readonly #sessionProps: SessionProps;
  readonly #sessions = new WeakMap<PoolClient, Session>();
  #free: number;
  /** Calls that wait for a connection of this PylonDb, in their order. */
  readonly #waiting: (() => void)[] = [];

  constructor(pool: DriverPool, sessionProps: SessionProps) {
    this.#pool = pool;
    this.#sessionProps = sessionProps;
    this.#free = pool.size;
  }

  /**
   * Runs `use` with a connection of its own, which is closed when it was lost or left in an unknown
   * state. Waits while all are taken, for as long as that is: those who have them are this PylonDb's
   * own calls. Throws {@link NotConnected}.
   */
  async withSession<Result>(use: (session: Session) => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const client = await this.#connect();
      const session = this.#sessionOf(client);
      let isLost = false;
      try {
        return await use(session);
      } catch (error) {
        isLost = isConnectionLost(error);
        throw error;
      } finally {
        client.release(isLost || session.isSpoilt);
      }
    } finally {
      this.#giveBack();
    }
  }

  /** Asks the server to stop what a session is doing, which may be done already. Never throws. */
  async cancel({ serverPid }: Session): Promise<void> {
    if (serverPid !== undefined) await this.#sessionProps.processes.cancel(serverPid);
  }

  /**
   * Lets the server stop what a session is doing, and whatever it is sent until `ended`. Breaks the
   * connection when nobody answers.
   */
  async cancelUntil(session: Session, ended: Promise<void>): Promise<void> {
    const { serverPid } = session;
    let isOver = false;
    const over = ended.finally(() => {
      isOver = true;
    });
    while (!isOver && serverPid !== undefined) {
      if (!(await this.#sessionProps.processes.cancel(serverPid))) session.break();
      await Promise.race([over, sleep(CANCEL_AGAIN_MS, undefined, { ref: false })]);
    }
    await over;
  }

  /** See {@link nameMissingRight}; for what a session streamed from or to the server. */
  async nameMissingRight(error: unknown, sql: string): Promise<void> {
    await nameMissingRight(error, sql, this.#sessionProps.ask);
  }

  /** Closes all connections, once each has been given back. */
  async end(): Promise<void> {
    await this.#pool.end();
  }

  #giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw new NotConnected(error);
    }
  }

  #sessionOf(client: PoolClient): Session {
    let session = this.#sessions.get(client);
    if (session === undefined) {
      session = new Session(client, this.#sessionProps);
      this.#sessions.set(client, session);
    }
    return session;
  }
}
