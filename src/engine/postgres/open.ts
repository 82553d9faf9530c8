import type { ClientBase, PoolConfig } from 'pg';
import { PylonDbError } from '../../errors.js';
import type { QueryEvent } from '../engine.js';
import { askOver } from './ask.js';
import { DriverPool } from './driver-pool.js';
import { SessionPool } from './pool.js';
import { ServerProcesses } from './server-processes.js';
import { type ConnectionWishes, prepareConnection } from './settings.js';
import { urlsToTry } from './tls.js';
import { READ_LATER } from './values.js';

/** How a server is connected to. */
export interface ServerProps {
  readonly url: string;
  readonly readonly: boolean;
  readonly busyTimeoutMs: number;
  readonly onQuery: ((event: QueryEvent) => void) | undefined;
  readonly operation?: string | undefined;
  /** Whether a query fails of which policies would hide rows, instead of leaving them out. */
  readonly seesAllRows?: boolean;
  /** How long it may say nothing, in ms, before it is asked whether it works; see {@link ANSWER_MS}. */
  readonly answerTimeoutMs?: number;
}

/** A connection that takes longer, in ms, means that nobody answers at that address. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * How long a connection may be silent, in ms, before the system asks whether the other side is still
 * there: 10 questions later, a second apart, whoever waits for an answer gets `CONNECTION_LOST`.
 * The system's own default is two hours.
 */
const KEEP_ALIVE_MS = 10_000;

/**
 * How long a server may say nothing, in ms, while a statement waits for its answer, before it is asked
 * over another connection whether it still works on it: so rarely that it costs nothing. Where it
 * doesn't, or nobody answers, whoever waits learns that it may be stored or not.
 */
const ANSWER_MS = 60_000;

/** To the server, 0 ms is not a limit at all. */
const LEAST_LOCK_TIMEOUT_MS = 1;

/** Makes the pool of connections; each is made on first use. Throws `NOT_SUPPORTED` without pg. */
export async function connectTo(props: ServerProps): Promise<SessionPool> {
  const { url, busyTimeoutMs, onQuery, answerTimeoutMs = ANSWER_MS, operation = '' } = props;
  const { Client, Pool, types } = await loadDriver(operation);
  const wishes = {
    readonly: props.readonly,
    seesAllRows: props.seesAllRows ?? false,
    lockTimeoutMs: Math.max(busyTimeoutMs, LEAST_LOCK_TIMEOUT_MS),
  };
  const config: PoolConfig = {
    ...(await toServer(Client, url, wishes, operation)),
    max: poolSize(url, operation),
    fallback_application_name: 'pylon-db',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: {
      // Text until their column's name is known: an error may have to name it.
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        types.getTypeParser(READ_LATER.get(oid) ?? oid, format),
    },
  };
  const pool = new DriverPool({ Client, Pool }, config);
  const ask = askOver(() => pool.newClient());
  const processes = new ServerProcesses(ask);
  return new SessionPool(pool, { onQuery, ask, processes, answerTimeoutMs });
}

/**
 * What the driver must know so that each connection is as the URL asks, and as our statements need it.
 * Throws `INVALID_ARGUMENT` for a URL that asks wrongly for TLS.
 */
export async function toServer(
  Client: typeof import('pg').Client,
  url: string,
  wishes: ConnectionWishes,
  operation: string,
) {
  return {
    connectionString: await urlThatAnswers(Client, urlsToTry(url, operation)),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    onConnect: (client: ClientBase) => prepareConnection(client, wishes),
  } satisfies PoolConfig;
}

/** The first of them at which a server answers; if it does at none, the first. */
async function urlThatAnswers(
  Client: typeof import('pg').Client,
  urls: readonly [string, string?],
): Promise<string> {
  const [first, second] = urls;
  if (second === undefined || (await answers(Client, first))) return first;
  return (await answers(Client, second)) ? second : first;
}

async function answers(
  Client: typeof import('pg').Client,
  connectionString: string,
): Promise<boolean> {
  try {
    const client = new Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    client.on('error', () => {});
    await client.connect();
    await client.end();
    return true;
  } catch {
    // Whatever it is, the pool's own connections will say it.
    return false;
  }
}

/** Connections of one PylonDb at the most, as pg has it; `?max=` in the URL is another number. */
const DEFAULT_POOL_SIZE = 10;

/** More connections of one process than any server likes. */
const MAX_POOL_SIZE = 1000;

function poolSize(url: string, operation: string): number {
  const given = /[?&]max=([^&#]*)/.exec(url)?.[1];
  if (given === undefined) return DEFAULT_POOL_SIZE;
  const size = Number(given);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_POOL_SIZE) return size;
  throw new PylonDbError(
    'INVALID_ARGUMENT',
    `max in the URL must be a number of connections from 1 to ${MAX_POOL_SIZE}`,
    { field: 'path' },
    { operation, hint: 'Write ?max=10 behind the database, or leave it out.' },
  );
}

async function loadDriver(operation: string) {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw new PylonDbError(
      'NOT_SUPPORTED',
      "the driver for PostgreSQL isn't installed",
      {},
      { operation, cause: error, hint: 'Install it next to pylon-db: npm install pg@8' },
    );
  }
}
