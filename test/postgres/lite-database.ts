import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { onTestFinished, TestRunner } from 'vitest';
import { isPylonDbError, type OpenOptions, PylonDb } from '../../src/index.js';
import type { Looks } from '../database.js';
import { NOON } from '../file.js';
import { looksOf } from './database.js';
import {
  COUNTING,
  exactNumber,
  LARGE_NUMBERS,
  type LookingConnection,
  Onlooker,
} from './onlooker.js';

/** PGlite in this process: PostgreSQL with one session, for machines that have no server. */
interface Lite {
  readonly pglite: PGlite;
  readonly url: string;
}

let started: Promise<Lite> | undefined;

async function start(): Promise<Lite> {
  const pglite = await PGlite.create({
    parsers: Object.fromEntries(LARGE_NUMBERS.map((oid) => [oid, exactNumber])),
  });
  const server = new PGLiteSocketServer({ db: pglite, host: '127.0.0.1', port: 0 });
  await server.start();
  // Its one session is one connection's.
  const url = `postgres://postgres@${server.getServerConn()}/postgres?max=1`;
  return { pglite, url };
}

/** PGlite's database, emptied for this test, which is skipped when it needs two sessions. */
export async function liteDatabase(options: OpenOptions = {}): Promise<Looks> {
  started ??= start();
  const { pglite, url } = await started;
  // The session outlives each connection.
  await pglite.exec('reset all; deallocate all; set client_min_messages = error');
  await pglite.exec('drop schema public cascade; create schema public');

  const time = { now: NOON };
  let isFirst = true;
  const open = async (more: OpenOptions = {}) => {
    const db = await openAlone(url, { clock: () => time.now, ...more }, isFirst);
    isFirst = false;
    onTestFinished(() => db.close());
    return db;
  };
  const looks = looksOf(new Onlooker(new LiteConnection(pglite)));
  return { db: await open(options), url, time, open, ...looks };
}

/** PylonDb's own session, looked through: so never inside its transaction. */
class LiteConnection implements LookingConnection {
  readonly #pglite: PGlite;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  async query<Row extends object>(sql: string, parameters: unknown[]) {
    await this.#skipInTransaction();
    return await this.#pglite.query<Row>(sql, parameters);
  }

  async write(sql: string, parameters: unknown[]): Promise<void> {
    await this.#skipInTransaction();
    await this.#pglite.transaction(async (tx) => {
      await tx.exec(COUNTING);
      await tx.exec('set local session_replication_role = replica');
      if (parameters.length === 0) await tx.exec(sql);
      else await tx.query(sql, parameters);
    });
  }

  async #skipInTransaction(): Promise<void> {
    const { rows } = await this.#pglite.query<{ open: boolean }>(
      'select pg_current_xact_id_if_assigned() is not null as open',
    );
    if (rows[0]?.open === true) skip();
  }
}

/** How long PGlite may take to notice that the last test's connection was closed, in ms. */
const FREED_BY_THE_LAST_MS = 30_000;
/** The same within a test, in ms: whoever has it open still after that needs it next to the other. */
const FREED_MS = 1000;
const LOOK_EVERY_MS = 10;

/** Opens PGlite once nobody else has it open; skips the test if that never comes. */
async function openAlone(url: string, options: OpenOptions, isFirst: boolean): Promise<PylonDb> {
  const waitMs = isFirst ? FREED_BY_THE_LAST_MS : FREED_MS;
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    try {
      return await PylonDb.open(url, options);
    } catch (error) {
      if (!isPylonDbError(error, 'CANNOT_OPEN')) throw error;
      if (waitedMs >= waitMs && isFirst) throw error;
      if (waitedMs >= waitMs) skip();
      await sleep(LOOK_EVERY_MS);
    }
  }
}

function skip(): never {
  const { context } = TestRunner.getCurrentTest() ?? {};
  if (context === undefined) throw new Error('Not in a test');
  return context.skip('PGlite has one session');
}
