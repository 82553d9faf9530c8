import type { Client } from 'pg';
import { dropWhenSilent } from './silence.js';

/**
 * Asks the server something over a connection of its own: that which the question is about is busy,
 * dead, or in a transaction that failed, and all others may wait for it. Throws what connecting and
 * `question` throw.
 */
export type Ask = <Result>(question: (client: Client) => Promise<Result>) => Promise<Result>;

/** How long a server may take to answer, in ms: it is asked for nothing that needs time. */
const ANSWERS_WITHIN_MS = 10_000;

/** Asks over clients that `newClient` makes. */
export function askOver(newClient: () => Client): Ask {
  return async (question) => {
    const client = newClient();
    try {
      await client.connect();
      dropWhenSilent(client.connection.stream, ANSWERS_WITHIN_MS);
      return await question(client);
    } finally {
      await client.end().catch(() => {});
    }
  };
}
