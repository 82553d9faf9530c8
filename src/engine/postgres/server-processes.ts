import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Ask } from './ask.js';
import { CONNECTION_STATES } from './failures.js';
import { isServerError } from './server-error.js';

/** How long an answer that was sent may be on its way, in ms. */
const ON_ITS_WAY_MS = 1000;

/**
 * One that waits for its client isn't at work. A pooler reports a number of its own instead of its
 * server's: then nobody knows, and the pooler answers at least.
 */
const IS_AT_WORK = `
  select pg_backend_pid() <> $2 or exists (
    select from pg_stat_activity where pid = $1 and wait_event_type is distinct from 'Client'
  ) as yes`;

/** Its locks would be held until the server finds out by itself: two hours by default. */
const END = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where pid = $1 and wait_event_type = 'Client' and pg_backend_pid() = $2`;

/** A pooler's own number may be that of another connection's process. */
const CANCEL = 'select pg_cancel_backend($1) where pg_backend_pid() = $2';

/** The server's processes that serve our connections. */
export class ServerProcesses {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /**
   * Whether a process works for its client, or nobody can say while the server answers. One that
   * waits for its client, which still hears nothing (`isSilent`), is ended. Never throws.
   */
  async isAtWork(serverPid: number, isSilent: () => boolean): Promise<boolean> {
    try {
      return await this.#ask(async (client) => {
        const values = [serverPid, pidOf(client)];
        const works = async () =>
          (await client.query<{ yes: boolean }>(IS_AT_WORK, values)).rows[0]?.yes === true;
        if (await works()) return true;
        await sleep(ON_ITS_WAY_MS);
        // A round trip also lets what has come meanwhile be read.
        if ((await works()) || !isSilent()) return true;
        await client.query(END, values);
        return false;
      });
    } catch (error) {
      // No connection to spare, or a server that lacks the view.
      return isServerError(error) && !CONNECTION_STATES.test(error.code);
    }
  }

  /** Asks a process to stop what it does, which may be done already. `false` when nobody answers. */
  async cancel(serverPid: number): Promise<boolean> {
    try {
      await this.#ask((client) => client.query(CANCEL, [serverPid, pidOf(client)]));
      return true;
    } catch (error) {
      return isServerError(error);
    }
  }
}

/** The process that serves a connection, as the server or a pooler named it. */
export function pidOf(client: Client): number | undefined {
  const pid: unknown = Reflect.get(client, 'processID');
  return typeof pid === 'number' ? pid : undefined;
}
