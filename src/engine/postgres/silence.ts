import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How a connection is watched that has to answer. */
export interface Watch {
  /** How long nothing may come over it, in ms, before `isAtWork` is asked. */
  readonly limitMs: number;
  /** Whether the server still works for it; `isSilent` says whether it still says nothing. */
  readonly isAtWork: (isSilent: () => boolean) => Promise<boolean>;
}

/**
 * Breaks the connection of `stream` when nothing comes over it and nobody works for it, until the
 * function that it gives is called. A server that vanished without a word would otherwise be waited
 * for until the system gives up what it sent: 15 minutes on Linux.
 */
export function breakWhenSilent(stream: Duplex, { limitMs, isAtWork }: Watch): () => void {
  if (!(stream instanceof Socket)) return () => {};
  let isOver = false;
  const look = async () => {
    const { bytesRead } = stream;
    const isSilent = () => !isOver && !stream.destroyed && stream.bytesRead === bytesRead;
    const waitsOn = (await isAtWork(isSilent)) || !isSilent();
    if (isOver) return;
    if (waitsOn) stream.setTimeout(limitMs, look);
    else stream.destroy(new Error(`the server said nothing for ${limitMs} ms`));
  };
  stream.setTimeout(limitMs, look);
  return () => {
    isOver = true;
    stream.setTimeout(0, look);
  };
}

/** Drops a connection over which nothing goes for `limitMs`. */
export function dropWhenSilent(stream: Duplex, limitMs: number): void {
  if (stream instanceof Socket) stream.setTimeout(limitMs, () => stream.destroy());
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
    for (const socket of open) dropWhenSilent(socket, GOODBYE_MS);
    await Promise.all(closed);
  }
}
