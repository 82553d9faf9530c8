import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { inject } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** What a process printed and how it ended. */
export interface ProgramEnd {
  /** Whole lines of stdout: what stands after the last line break was cut off by a kill. */
  readonly lines: readonly string[];
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A TypeScript program of a test, bundled once: plain Node starts it five times faster. */
export class Program {
  readonly #folder = mkdtempSync(join(inject('runFolder'), 'program-'));
  /** The bundle. */
  readonly path: Promise<string>;

  constructor(source: string) {
    // Tests that run as root run it as another user too.
    chmodSync(this.#folder, 0o711);
    symlinkSync(join(ROOT, 'node_modules'), join(this.#folder, 'node_modules'));
    this.path = this.#build(source);
  }

  /** Starts the program; `command` may stand before it, as `strace` does. */
  async start(args: readonly (string | number)[], command: readonly string[] = []): Promise<Run> {
    const [file = '', ...rest] = [...command, process.execPath, await this.path];
    return new Run(
      spawn(file, [...rest, ...args.map(String)], { stdio: ['pipe', 'pipe', 'pipe'] }),
    );
  }

  /** Runs the program to its end. */
  async run(
    args: readonly (string | number)[],
    command: readonly string[] = [],
  ): Promise<ProgramEnd> {
    return await (await this.start(args, command)).ended;
  }

  async #build(source: string): Promise<string> {
    const outfile = join(this.#folder, basename(source).replace(/\.ts$/, '.mjs'));
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    return outfile;
  }
}

/** A program that runs. */
export class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<ProgramEnd>;
  readonly #output: Buffer[] = [];

  constructor(child: ChildProcess) {
    this.child = child;
    const errors: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => this.#output.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
    this.ended = once(child, 'close').then(() => ({
      lines: Buffer.concat(this.#output).toString().split('\n').slice(0, -1),
      stderr: Buffer.concat(errors).toString(),
      exitCode: child.exitCode,
      signal: child.signalCode,
    }));
  }

  /** Resolves when it printed something, or ended. */
  async spoke(): Promise<void> {
    if (this.#output.length > 0) return;
    await Promise.race([this.child.stdout && once(this.child.stdout, 'data'), this.ended]);
  }

  /** `kill -9`, and what it had printed until then. */
  async kill(): Promise<ProgramEnd> {
    this.child.kill('SIGKILL');
    return await this.ended;
  }
}
