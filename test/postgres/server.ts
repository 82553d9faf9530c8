import { execFileSync, spawnSync } from 'node:child_process';
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where Debian keeps the server's programs; they are on no PATH. */
const DEBIAN = '/usr/lib/postgresql';

/** How long a server may take to start or stop, in seconds: the machine may be busy. */
const WAIT_S = '60';

/** Where Linux keeps files in memory: there a test's database is copied in a third of the time. */
const IN_MEMORY = '/dev/shm';

/** Free memory, in bytes, that all servers of a run stay far below; containers often have 64 MB. */
const ENOUGH_MEMORY = 4 * 2 ** 30;

/** Tries, 100 ms apart, of a server whose crash the other processes have not noticed yet. */
const BOOTS_AT_MOST = 100;

/** A PostgreSQL server of the tests' own, on loopback, in a folder that goes when it stops. */
export class PostgresServer {
  readonly #bin: string;
  readonly #folder: string;
  readonly port: number;

  private constructor(bin: string, folder: string, port: number) {
    this.#bin = bin;
    this.#folder = folder;
    this.port = port;
  }

  /** Whether the machine has a server to start. */
  static get isInstalled(): boolean {
    return findPrograms() !== undefined;
  }

  /**
   * Starts a new server, on a copy of the files of another one if they are given. Throws when the
   * machine has no server.
   */
  static async start(files?: string): Promise<PostgresServer> {
    const bin = findPrograms();
    if (bin === undefined) throw new Error('No PostgreSQL here: apt-get install postgresql');
    const folder = newFolder();
    const server = new PostgresServer(bin, folder, await freePort());
    server.#takeOver();
    if (files === undefined) server.#makeFiles();
    else execFileSync('cp', ['-a', files, server.files]);
    server.boot();
    return server;
  }

  /** Starts a standby of this server, which answers what may be read. */
  async standby(): Promise<PostgresServer> {
    const folder = newFolder();
    const standby = new PostgresServer(this.#bin, folder, await freePort());
    standby.#takeOver();
    standby.#run('pg_basebackup', [
      ...['-d', this.url(), '-D', standby.files],
      ...['--write-recovery-conf', '--checkpoint=fast', '--wal-method=stream'],
    ]);
    standby.boot();
    return standby;
  }

  /** The folder with all that it stores. */
  get files(): string {
    return join(this.#folder, 'data');
  }

  /** The URL of a database of this server; by default of one that is always there. */
  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Starts it, also again after {@link kill}; with `settings` as the server knows them. */
  boot(settings: readonly string[] = []): void {
    const options = [
      `-p ${this.port} -k ${this.#folder} -c listen_addresses=127.0.0.1 -c max_connections=200`,
      // Killed servers keep what the system has; only its own death would lose it.
      '-c fsync=off',
      ...settings.map((setting) => `-c ${setting}`),
    ].join(' ');
    const log = join(this.#folder, 'log');
    this.#run('pg_ctl', ['-D', this.files, '-o', options, '-l', log, '-w', '-t', WAIT_S, 'start']);
  }

  /** Ends it without letting it finish anything. */
  kill(): void {
    this.#run('pg_ctl', ['-D', this.files, '-m', 'immediate', '-w', '-t', WAIT_S, 'stop']);
  }

  /** Lets it finish and end; its files are whole then. */
  shutDown(): void {
    this.#run('pg_ctl', ['-D', this.files, '-m', 'fast', '-w', '-t', WAIT_S, 'stop']);
  }

  /** Kills its first process, as a system short of memory does; the others notice and end. */
  crash(): void {
    const [pid] = readFileSync(join(this.files, 'postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(pid), 'SIGKILL');
  }

  /** Starts it after {@link crash}: not before the last of its processes let go of the memory. */
  async bootAfterCrash(): Promise<void> {
    for (let left = BOOTS_AT_MOST; ; left--) {
      try {
        return this.boot();
      } catch (error) {
        if (left === 0) throw error;
        await sleep(100);
      }
    }
  }

  /** Stops it for good. */
  stop(): void {
    try {
      if (existsSync(join(this.files, 'postmaster.pid'))) this.kill();
    } finally {
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  #makeFiles(): void {
    this.#run('initdb', [
      ...['-D', this.files, '-U', 'postgres', '--auth=trust', '-E', 'UTF8'],
      // The smallest log: each server begins with a copy of it.
      ...['--locale=C.UTF-8', '--no-sync', '--wal-segsize=1'],
    ]);
  }

  /** The server refuses to run as root: then its folder and processes are the user postgres's. */
  #takeOver(): void {
    if (!isRoot()) return;
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(this.#folder, id('-u'), id('-g'));
  }

  #run(program: string, args: readonly string[]): void {
    const path = join(this.#bin, program);
    const [command, ...all] = isRoot()
      ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', path, ...args]
      : [path, ...args];
    const { status, stdout, stderr, error } = spawnSync(command ?? path, all, {
      cwd: this.#folder,
      encoding: 'utf8',
      // The server keeps what it inherits open; a pipe would never end.
      stdio: program === 'pg_ctl' ? 'ignore' : 'pipe',
    });
    if (status !== 0) {
      throw new Error(
        `${program} failed (${status}): ${error ?? ''}${stdout ?? ''}${stderr ?? ''}`,
      );
    }
  }
}

function newFolder(): string {
  return mkdtempSync(join(hasMemory() ? IN_MEMORY : tmpdir(), 'pylon-db-postgres-'));
}

/** Servers run without fsync anyway: on a disk, too, they would lose all with the machine. */
function hasMemory(): boolean {
  try {
    accessSync(IN_MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return bavail * bsize >= ENOUGH_MEMORY;
  } catch {
    return false;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function findPrograms(): string | undefined {
  const debian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => join(DEBIAN, version, 'bin'))
    : [];
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...debian];
  return folders.find((folder) =>
    ['initdb', 'pg_ctl', 'pg_basebackup', 'postgres'].every((program) =>
      existsSync(join(folder, program)),
    ),
  );
}

/** Nobody listens there at this moment; whoever comes first afterwards has it. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
