import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, inject, onTestFinished } from 'vitest';
import { type OpenOptions, PylonDb } from '../../src/index.js';
import { copyTemplate, urlOf } from './copied-database.js';
import { isOnPglite } from './global-setup.js';
import { PostgresServer } from './server.js';

/** A `describe` for tests that need a server of PostgreSQL; skipped, with a note, where none is. */
export function describeOnServer(name: string, tests: (own: OwnServer) => void): void {
  const title = isOnPglite() ? `${name} (no PostgreSQL here: apt-get install postgresql)` : name;
  describe.skipIf(isOnPglite())(title, () => tests(new OwnServer()));
}

/** An empty database of a server, opened. */
export interface OpenedDatabase {
  readonly url: string;
  readonly db: PylonDb;
  /** Another program's connection to the same database. */
  readonly outside: pg.Client;
}

/** A server of one `describe`: started before its tests, stopped after them. */
export class OwnServer {
  #server: PostgresServer | undefined;

  constructor() {
    beforeAll(async () => {
      this.#server = await PostgresServer.start(inject('cluster'));
    });
    afterAll(() => this.#server?.stop());
  }

  get server(): PostgresServer {
    if (this.#server === undefined) throw new Error('The server runs in tests only');
    return this.#server;
  }

  /** The URL of a schema of its own, which is empty. */
  async freshSchema(): Promise<string> {
    const schema = `s${randomUUID().replaceAll('-', '')}`;
    const client = await connection(this.server.url());
    await client.query(`create schema ${schema}`);
    await client.end();
    return `${this.server.url()}?options=-csearch_path%3D${schema}`;
  }

  /** Opens a migrated database of its own; all is closed when the test has finished. */
  async open(options: OpenOptions = {}): Promise<OpenedDatabase> {
    const server = this.server.url();
    const url = urlOf(server, await copyTemplate(server));
    return { url, db: await opened(url, options), outside: await connected(url) };
  }
}

/** Opens `url` until the test has finished. */
export async function opened(url: string, options: OpenOptions = {}): Promise<PylonDb> {
  const db = await PylonDb.open(url, options);
  onTestFinished(() => db.close());
  return db;
}

/** Another program's connection, until the test has finished. */
export async function connected(url: string): Promise<pg.Client> {
  const client = await connection(url);
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

/** Another program's connection, which whoever asks for it ends. */
export async function connection(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  // A server that is killed says so here too.
  client.on('error', () => {});
  return await client.connect();
}

/** How many connections over TCP this process has, to whomever. */
export function socketsOfThisProcess(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
