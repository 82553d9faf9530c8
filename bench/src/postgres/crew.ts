import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Case, type KindName, MOST_PROCESSES } from './cases.js';
import type { BenchServer } from './dataset.js';
import type { Answer, Order, WorkerProps } from './messages.js';
import { serverCpu, spentSince } from './server-cpu.js';

/** The program of a contestant's process, as it is built. */
const WORKER = fileURLToPath(new URL('./postgres-worker.mjs', import.meta.url));

/** Ticks of a process before those of the next begin: other agents, even of a thousand. */
const TICKS_APART = 251;

/** How a contestant takes part. */
export interface CrewProps {
  readonly name: string;
  readonly entry: string;
  readonly server: BenchServer;
  readonly database: string;
  readonly connections: number;
}

/** One turn of a contestant. */
export interface TurnTimes {
  readonly callsASecond: number;
  /** CPU time of its own processes for a call, in microseconds. */
  readonly ownUs: number;
  /** The same of the server's processes that serve it. */
  readonly serverUs: number;
}

/** A contestant's processes. */
export class Crew {
  readonly #props: CrewProps;
  readonly #workers: readonly WorkerProcess[];
  readonly #done = new Map<KindName, number>();

  private constructor(props: CrewProps, workers: readonly WorkerProcess[]) {
    this.#props = props;
    this.#workers = workers;
  }

  get name(): string {
    return this.#props.name;
  }

  /** Starts all its processes and waits until each is connected. */
  static async start(props: CrewProps): Promise<Crew> {
    const { entry, server, database, connections } = props;
    const { rows } = server;
    const url = server.url(database);
    const workers = Array.from(
      { length: MOST_PROCESSES },
      (_, i) => new WorkerProcess({ entry, url, connections, rows, firstTick: i * TICKS_APART }),
    );
    await Promise.all(workers.map((worker) => worker.answer('open')));
    return new Crew(props, workers);
  }

  /** How many calls of a kind were answered. */
  done(kind: KindName): number {
    return this.#done.get(kind) ?? 0;
  }

  /** Makes so many calls, and gives how long they took; `undefined` when no rows are left. */
  async turn({ kind, callers }: Case, calls: number): Promise<TurnTimes | undefined> {
    const workers = this.#workers.slice(0, callers.processes);
    const share = Math.ceil(calls / callers.processes);
    let ready = 0;
    for (const worker of workers) {
      ready += await worker.prepare({ kind, callers: callers.each, calls: share });
    }
    if (ready < callers.each * callers.processes) return undefined;
    const { server, database } = this.#props;
    const before = await serverCpu(server, database);
    const start = performance.now();
    const turns = await Promise.all(workers.map((worker) => worker.go()));
    const seconds = (performance.now() - start) / 1000;
    this.#done.set(kind, this.done(kind) + ready);
    const ownUs = turns.reduce((sum, turn) => sum + turn.cpuUs, 0);
    const serverUs = spentSince(before, await serverCpu(server, database));
    return { callsASecond: ready / seconds, ownUs: ownUs / ready, serverUs: serverUs / ready };
  }

  /** What the next few calls of a kind give to one caller. */
  async results(kind: KindName, calls: number): Promise<readonly unknown[]> {
    const [worker] = this.#workers;
    if (worker === undefined) return [];
    const ready = await worker.prepare({ kind, callers: 1, calls, tellResults: true });
    const { results } = await worker.go();
    this.#done.set(kind, this.done(kind) + ready);
    return results;
  }

  /** Closes its connections and ends its processes. */
  async close(): Promise<void> {
    for (const worker of this.#workers) await worker.close();
  }
}

interface Wanted {
  readonly kind: KindName;
  readonly callers: number;
  readonly calls: number;
  readonly tellResults?: boolean;
}

class WorkerProcess {
  readonly #process: ChildProcess;

  constructor(props: WorkerProps) {
    this.#process = fork(WORKER, [JSON.stringify(props)], {
      execArgv: ['--expose-gc'],
      serialization: 'advanced',
    });
  }

  async prepare({ tellResults = false, ...turn }: Wanted): Promise<number> {
    this.#tell({ prepare: { ...turn, tellResults } });
    return (await this.answer('ready')).calls;
  }

  async go(): Promise<Extract<Answer, { state: 'done' }>> {
    this.#tell('go');
    return await this.answer('done');
  }

  async close(): Promise<void> {
    this.#tell('close');
    await this.answer('closed');
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  /** The next answer. Throws when it failed, or died. */
  async answer<State extends Answer['state']>(
    state: State,
  ): Promise<Extract<Answer, { state: State }>> {
    const reply = await new Promise<Answer>((resolve, reject) => {
      const died = (code: number | null) => reject(new Error(`a process ended with ${code}`));
      this.#process.once('exit', died);
      this.#process.once('message', (message: Answer) => {
        this.#process.off('exit', died);
        resolve(message);
      });
    });
    if (isAnswer(reply, state)) return reply;
    throw new Error(reply.state === 'failed' ? reply.why : `${reply.state} instead of ${state}`);
  }

  #tell(order: Order): void {
    this.#process.send(order);
  }
}

function isAnswer<State extends Answer['state']>(
  answer: Answer,
  state: State,
): answer is Extract<Answer, { state: State }> {
  return answer.state === state;
}
