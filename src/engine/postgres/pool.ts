import type { PoolClient } from 'pg';
import type { DriverPool } from './driver-pool.js';
import { isConnectionLost, NotConnected } from './failures.js';
import { Session, type SessionProps } from './session.js';

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

  /**
   * Asks the server to stop what a connection is doing. Never throws: it may be done already. It has
   * a connection of its own, as all others may wait for what is to be stopped.
   */
  async cancel(serverPid: number): Promise<void> {
    const client = this.#pool.newClient();
    try {
      await client.connect();
      await client.query('select pg_cancel_backend($1)', [serverPid]);
    } catch {
      // Then it ends when its lock_timeout does.
    }
    await client.end().catch(() => {});
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
