import { Workload } from '../workload.js';
import { type Kind, kinds, type ServerCall } from './cases.js';
import type { ServerContestant } from './contestant.js';
import { entries } from './contestants/index.js';
import type { Answer, Order, Turn, WorkerProps } from './messages.js';

// One process of one contestant, for as long as a run lasts. It makes values before a turn, and
// looks at results after it; what is timed is the calls alone.

const props: WorkerProps = JSON.parse(process.argv[2] ?? '');

class Worker {
  readonly #contestant: ServerContestant;
  readonly #workload = new Workload(props.rows, props.firstTick);
  readonly #seen = new Map<Kind, Set<unknown>>();
  #turn: Turn | undefined;
  #calls: ServerCall[] = [];

  constructor(contestant: ServerContestant) {
    this.#contestant = contestant;
  }

  async follow(order: Order): Promise<Answer> {
    if (order === 'close') {
      await this.#contestant.close();
      return { state: 'closed' };
    }
    if (order === 'go') return await this.#go();
    return this.#prepare(order.prepare);
  }

  #prepare(turn: Turn): Answer {
    const kind: Kind = kinds[turn.kind];
    const count = Math.min(turn.calls, kind.left?.(this.#workload) ?? turn.calls);
    this.#turn = turn;
    this.#calls = Array.from({ length: count }, () => kind.call(this.#workload));
    globalThis.gc?.();
    return { state: 'ready', calls: count };
  }

  async #go(): Promise<Answer> {
    if (this.#turn === undefined) throw new Error('nothing is prepared');
    const { kind, callers, tellResults } = this.#turn;
    const cpu = process.cpuUsage();
    const results = await runAll(this.#contestant, this.#calls, callers);
    const { user, system } = process.cpuUsage(cpu);
    this.#judge(kinds[kind], results);
    return { state: 'done', cpuUs: user + system, results: tellResults ? results : [] };
  }

  /** Throws when a call was given nothing, or what another call was given. */
  #judge(kind: Kind, results: readonly unknown[]): void {
    const seen = this.#seen.get(kind) ?? new Set();
    this.#seen.set(kind, seen);
    for (const result of results) {
      if (result === undefined) throw new Error(`${kind.title}: a call was given nothing`);
      const key = kind.key?.(result);
      if (key === undefined) continue;
      if (seen.has(key)) throw new Error(`${kind.title}: two calls were given ${key}`);
      seen.add(key);
    }
  }
}

/** Each caller makes its next call as soon as its last one is answered. */
async function runAll(
  contestant: ServerContestant,
  calls: readonly ServerCall[],
  callers: number,
): Promise<unknown[]> {
  const results: unknown[] = [];
  const left = calls.values();
  const caller = async (): Promise<void> => {
    for (const call of left) results.push(await call(contestant));
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return results;
}

function answer(reply: Answer): void {
  process.send?.(reply);
}

async function answering(run: () => Promise<Answer>): Promise<void> {
  try {
    answer(await run());
  } catch (error) {
    answer({ state: 'failed', why: error instanceof Error ? `${error.stack}` : String(error) });
  }
}

process.on('disconnect', () => process.exit());

await answering(async () => {
  const entry = entries.find(({ name }) => name === props.entry);
  if (entry === undefined) throw new Error(`there is no contestant ${props.entry}`);
  const worker = new Worker(await entry.open(props.url, props.connections));
  process.on('message', (order: Order) => void answering(() => worker.follow(order)));
  return { state: 'open' };
});
