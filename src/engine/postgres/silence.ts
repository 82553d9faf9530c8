import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Breaks the connection of `stream` when nothing comes over it for `limitMs`, until the function that
 * it gives is called. A server that vanished without a word would otherwise be waited for until the
 * system gives up what it sent: 15 minutes on Linux.
 */
export function breakWhenSilent(stream: Duplex, limitMs: number): () => void {
  if (!(stream instanceof Socket)) return () => {};
  const tell = () => {
    stream.destroy(new Error(`the server said nothing for ${limitMs} ms`));
  };
  stream.setTimeout(limitMs, tell);
  return () => void stream.setTimeout(0, tell);
}

/** How long closing connections may take, in ms, until they are dropped. */
const GOODBYE_MS = 2000;

/** The sockets of a pool, so that none outlives it. */
export class Sockets {
  readonly #open = new Set<Socket>();

  /** A socket for the driver to connect. */
  create(): Socket {
    const socket = new Socket();
    this.#open.add(socket);
    return socket.on('close', () => this.#open.delete(socket));
  }

  /** Resolves when all that are open now are closed; drops those that a vanished server keeps open. */
  async closed(): Promise<void> {
    const open = [...this.#open];
    const closed = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of open) breakWhenSilent(socket, GOODBYE_MS);
    await Promise.all(closed);
  }
}
