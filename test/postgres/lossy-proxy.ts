import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Stands between a client and its server, and can cut the line at a chosen answer. */
export class LossyProxy {
  readonly port: number;
  #skipped = 0;
  #isArmed = false;

  private constructor(port: number) {
    this.port = port;
  }

  /** Listens until the test has finished. */
  static async start(serverPort: number): Promise<LossyProxy> {
    const sockets = new Set<Socket>();
    let proxy: LossyProxy | undefined;
    const listener = createServer((client) => {
      const server = connect(serverPort, '127.0.0.1');
      for (const socket of [client, server]) {
        sockets.add(socket.on('error', () => {}));
      }
      client.on('close', () => server.destroy()).on('data', (chunk) => server.write(chunk));
      server.on('close', () => client.destroy());
      server.on('data', (chunk) => {
        if (proxy?.loses() === true) client.destroy();
        else client.write(chunk);
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

  /** Cuts the line instead of giving the next answer, or the one after `skipped` more. */
  loseAnswer(skipped = 0): void {
    this.#isArmed = true;
    this.#skipped = skipped;
  }

  private loses(): boolean {
    if (!this.#isArmed) return false;
    if (this.#skipped-- > 0) return false;
    this.#isArmed = false;
    return true;
  }
}
