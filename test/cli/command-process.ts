import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Outcome } from './command.js';

const STARTER = join(import.meta.dirname, 'command-process.mjs');

/** The processes of this worker that wait for a call. */
const idle: CommandProcess[] = [];

/** What one call runs. */
interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
}

/** What every call has: another one is of a process of its own. */
const ENVIRONMENT = commandEnvironment({});

/** A command's variables: `HOME` and those that it reads are only those given. */
export function commandEnvironment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PYLON_DB: _, NO_COLOR: __, ...inherited } = process.env;
  return { ...inherited, HOME: '/nonexistent', ...env };
}

/**
 * A process that runs a command of ours for one call after the other, each from its first line:
 * starting Node and loading modules happen once. It ends with this one.
 */
export class CommandProcess {
  readonly #child: ChildProcess;

  private constructor() {
    // Without this worker's own flags.
    const child = fork(STARTER, [], { env: ENVIRONMENT, execArgv: [], stdio: 'pipe' });
    child.stdout?.setEncoding('utf8');
    child.stderr?.setEncoding('utf8');
    this.#child = child;
  }

  /** Runs one call. Calls at the same time have a process each. */
  static async run(call: Call): Promise<Outcome> {
    const process = idle.pop() ?? new CommandProcess();
    const outcome = await process.#run(call);
    idle.push(process);
    return outcome;
  }

  async #run(call: Call): Promise<Outcome> {
    const child = this.#child;
    // No command prints it.
    const end = randomUUID();
    const exitCode = new Promise<number>((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', () =>
        reject(new Error(`the process of \`${call.args.join(' ')}\` ended`)),
      );
    });
    child.send({ ...call, end });
    const [code, stdout, stderr] = await Promise.all([
      exitCode,
      before(end, child.stdout),
      before(end, child.stderr),
    ]);
    child.removeAllListeners('exit');
    return { exitCode: code, stdout, stderr };
  }
}

/** What a stream gives before `end`. */
function before(end: string, stream: Readable | null): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stream === null) return reject(new Error('a command has both streams'));
    let text = '';
    let tail = '';
    const read = (chunk: string) => {
      text += chunk;
      tail = (tail + chunk).slice(-end.length);
      if (tail !== end) return;
      stream.off('data', read);
      resolve(text.slice(0, -end.length));
    };
    stream.on('data', read);
  });
}
