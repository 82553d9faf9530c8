import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';

/** A process that has the database, its WAL or its shared memory open. */
export interface Opener {
  readonly pid: number;
  /** Its program and first argument, `''` where they can't be seen. */
  readonly command: string;
}

/**
 * The other processes that have the file open, as far as this user may see: another user's
 * processes are only visible to root. Best effort outside Linux (by `lsof`). Opens nothing.
 */
export async function otherOpeners(path: string): Promise<Opener[]> {
  const files = [path, `${path}-wal`, `${path}-shm`];
  return process.platform === 'linux' ? openersByProc(files) : await openersByLsof(files);
}

function openersByProc(files: readonly string[]): Opener[] {
  const wanted = new Set(files.map(identityOf).filter((identity) => identity !== undefined));
  const openers: Opener[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (descriptorsOf(pid).some((path) => wanted.has(identityOf(path) ?? ''))) {
      openers.push({ pid, command: commandOf(pid) });
    }
  }
  return openers;
}

/** Device and inode: the file may be open under another name. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((fd) => `${folder}/${fd}`);
  } catch {
    // It has ended, or belongs to somebody else.
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    // Program and script: the arguments behind them may hold a password.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0', 2).join(' ').trim();
  } catch {
    return '';
  }
}

async function openersByLsof(files: readonly string[]): Promise<Opener[]> {
  try {
    // It fails when a file is missing, and prints what it found all the same.
    const { stdout } = await promisify(execFile)('lsof', ['-F', 'pc', '--', ...files]).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
    );
    return [...stdout.matchAll(/^p(\d+)\nc(.*)$/gm)]
      .map(([, pid, command = '']) => ({ pid: Number(pid), command }))
      .filter(({ pid }) => pid !== process.pid);
  } catch {
    return [];
  }
}
