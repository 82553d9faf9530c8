import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What happens to an answer: the line is cut, or nothing comes over it any more, not even its end. */
type Loss = 'cut' | 'silent';

/** Stands between a client and its server, and can lose a chosen answer. */
export class LossyProxy {
  readonly port: number;
  #isDeafToGoodbyes = false;
  private isShut = false;
  #namesProcesses = false;
  private isKeepingLines = false;
  #held: Held | undefined;
  #skipped = 0;
  #armed: Loss | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  /** Listens until the test has finished. */
  static async start(serverPort: number): Promise<LossyProxy> {
    const sockets = new Set<Socket>();
    let proxy: LossyProxy | undefined;
    // A silent line doesn't answer the end of the other side by its own.
    const listener = createServer({ allowHalfOpen: true }, (client) => {
      if (proxy?.isShut === true) {
        client.destroy();
        return;
      }
      const server = connect(serverPort, '127.0.0.1');
      for (const socket of [client, server]) {
        sockets.add(socket.on('error', () => {}));
      }
      client.on('close', () => {
        if (proxy?.isKeepingLines !== true) server.destroy();
      });
      client.on('data', (chunk) => {
        if (proxy?.isDeafTo(chunk) === true) silence(client, server);
        else server.write(chunk);
      });
      server.on('close', () => client.destroy());
      server.on('data', (chunk) => {
        const loss = proxy?.loss();
        if (loss === 'cut') client.destroy();
        else if (loss === 'silent') silence(client, server);
        else if (proxy?.holds(chunk, client) !== true) client.write(proxy?.renamed(chunk) ?? chunk);
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    });
    const address = listener.address();
    proxy = new LossyProxy(typeof address === 'object' ? (address?.port ?? 0) : 0);
    return proxy;
  }

  /** The URL of what `url` names, by way of this proxy. */
  over(url: string): string {
    return url.replace(/:\d+\//, `:${this.port}/`);
  }

  /** Cuts the line instead of giving the next answer, or the one after `skipped` more. */
  loseAnswer(skipped = 0): void {
    this.#armed = 'cut';
    this.#skipped = skipped;
  }

  /** Lets the next answer vanish, and all that would come after it, while the line stays open. */
  swallowAnswer(): void {
    this.#armed = 'silent';
    this.#skipped = 0;
  }

  /** Lets each line fall silent when its client says that it is done. */
  ignoreGoodbyes(): void {
    this.#isDeafToGoodbyes = true;
  }

  /** Lets nobody connect any more. */
  shut(): void {
    this.isShut = true;
  }

  /** Keeps its lines to the server open when their clients are gone, as a cut network does. */
  keepsLines(): void {
    this.isKeepingLines = true;
  }

  /** Gives each later line a number of its own for the server's process, as poolers do. */
  namesProcesses(): void {
    this.#namesProcesses = true;
  }

  /** Keeps the next answer back until it is released. */
  holdAnswer(): { readonly release: () => void } {
    const held: Held = { release: () => {} };
    this.#held = held;
    return { release: () => held.release() };
  }

  private holds(chunk: Buffer, client: Socket): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    this.#held = undefined;
    held.release = () => void client.write(chunk);
    return true;
  }

  private renamed(chunk: Buffer): Buffer {
    const at = this.#namesProcesses ? chunk.indexOf(PROCESS) : -1;
    if (at === -1) return chunk;
    const copy = Buffer.from(chunk);
    copy.writeInt32BE(NOBODY, at + PROCESS.length);
    return copy;
  }

  private isDeafTo(chunk: Buffer): boolean {
    return this.#isDeafToGoodbyes && chunk.equals(TERMINATE);
  }

  private loss(): Loss | undefined {
    if (this.#armed === undefined || this.#skipped-- > 0) return undefined;
    const loss = this.#armed;
    this.#armed = undefined;
    return loss;
  }
}

/** An answer that is kept back. */
interface Held {
  release: () => void;
}

/** What a server sends before the number of its process. */
const PROCESS = Buffer.from([0x4b, 0, 0, 0, 12]);

/** More than any process's number. */
const NOBODY = 2 ** 31 - 1;

/** What a client sends last. */
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

/** Lets neither side hear the other again. */
function silence(client: Socket, server: Socket): void {
  client.pause();
  server.removeAllListeners('data').pause();
}
