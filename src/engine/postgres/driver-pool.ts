import type { Client, Pool, PoolClient, PoolConfig } from 'pg';
import { Sockets } from './silence.js';

/** The classes of pg that connections are made with. */
interface Driver {
  readonly Client: new (config: PoolConfig) => Client;
  readonly Pool: new (config: PoolConfig) => Pool;
}

/**
 * pg's pool. A connection that is lost ends no process, and none is left open when {@link end} has
 * resolved.
 */
export class DriverPool {
  readonly #driver: Driver;
  readonly #config: PoolConfig;
  readonly #pool: Pool;
  readonly #sockets = new Sockets();

  constructor(driver: Driver, config: PoolConfig) {
    this.#driver = driver;
    this.#config = { ...config, stream: () => this.#sockets.create() };
    this.#pool = new driver.Pool(this.#config);
    // A server that goes away says so on each connection, idle or not; without a listener, that
    // ends the process. Whoever uses the connection learns it from the call.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** How many connections it has at the most. */
  get size(): number {
    return this.#pool.options.max;
  }

  /** A connection, until it is released. */
  connect(): Promise<PoolClient> {
    return this.#pool.connect();
  }

  /** A connection outside the pool, not connected yet. */
  newClient(): Client {
    return new this.#driver.Client(this.#config).on('error', () => {});
  }

  /** Closes all connections, once each has been released. */
  async end(): Promise<void> {
    const ended = this.#pool.end();
    // pg's pool has ended when it has said goodbye. Until the server has gone, it may still report
    // an error, and it counts among those who are connected to the database.
    const closed = this.#sockets.closed();
    await ended;
    await closed;
  }
}
