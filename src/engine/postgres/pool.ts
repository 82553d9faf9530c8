import type { Pool, PoolClient } from 'pg';
import type { QueryEvent } from '../engine.js';
import { BatchFailure } from './batch.js';
import { isConnectionLost, NotConnected } from './postgres-errors.js';
import { Session } from './session.js';

/** The connections of one PylonDb to its server. */
export class SessionPool {
  readonly #pool: Pool;
  readonly #onQuery: ((event: QueryEvent) => void) | undefined;
  readonly #sessions = new WeakMap<PoolClient, Session>();

  constructor(pool: Pool, onQuery: ((event: QueryEvent) => void) | undefined) {
    this.#pool = pool;
    this.#onQuery = onQuery;
    // A server that goes away says so on each connection, idle or not; without a listener, that
    // ends the process. Whoever uses the connection is told by its call.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * Runs `use` with a connection of its own, and closes that connection when it was lost or is in
   * an unknown state: `use` threw, and not for the reason it knows. Throws {@link NotConnected}.
   */
  async withSession<Result>(use: (session: Session) => Promise<Result>): Promise<Result> {
    const client = await this.#connect();
    let broken = true;
    try {
      const result = await use(this.#sessionOf(client));
      broken = false;
      return result;
    } catch (error) {
      broken = isConnectionLost(error instanceof BatchFailure ? error.cause : error);
      throw error;
    } finally {
      client.release(broken || isInTransaction(client));
    }
  }

  /** Asks the server to stop what a connection is doing. Never throws: it may be done already. */
  async cancel(serverPid: number): Promise<void> {
    try {
      await this.withSession((session) => session.raw('select pg_cancel_backend($1)', [serverPid]));
    } catch {
      // Then it ends when its lock_timeout does.
    }
  }

  /** Closes all connections, once each has been given back. */
  async end(): Promise<void> {
    await this.#pool.end();
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
      session = new Session(client, this.#onQuery);
      this.#sessions.set(client, session);
    }
    return session;
  }
}

/** What was left open must not leak into the next caller's work. */
function isInTransaction(client: PoolClient): boolean {
  const status = client.getTransactionStatus();
  return status !== null && status !== 'I';
}
