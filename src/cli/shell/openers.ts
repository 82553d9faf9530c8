import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { identityOf } from '../../backup/live-files.js';

/** A process that has the database, its WAL or its shared memory open. */
export interface Opener {
  readonly pid: number;
  /** `pylon-db COMMAND`, else its program and first argument; `''` where they can't be seen. */
  readonly command: string;
}

/** Processes that a message names; more of them only make it longer. */
const NAMED = 5;

/** Characters of a command that show which program it is. */
const SHOWN_OF_COMMAND = 60;

/** The processes by number and command, for a message. */
export function named(openers: readonly Opener[]): string {
  if (openers.length === 0) return 'a process that this user may not see';
  const shown = openers
    .slice(0, NAMED)
    .map(({ pid, command }) => `${pid} (${command.slice(0, SHOWN_OF_COMMAND)})`);
  const more = openers.length > NAMED ? ` and ${openers.length - NAMED} more` : '';
  return `${openers.length === 1 ? 'process' : 'processes'} ${shown.join(', ')}${more}`;
}

/** Whether it is a command of ours that needs no one to end it: all but the page, which stays. */
export function endsByItself({ command }: Opener): boolean {
  return /^pylon-db(?! studio\b)/.test(command);
}

/**
 * The processes but this one and its children that have the file open, as far as this user may see: another user's
 * processes are only visible to root. Best effort outside Linux (by `lsof`). Opens nothing.
 */
export async function otherOpeners(path: string): Promise<Opener[]> {
  const found = await openersOf(path);
  return found
    .filter(({ pid, parent }) => pid !== process.pid && parent !== process.pid)
    .map(({ pid, command }) => ({ pid, command }));
}

/** An opener, and who started it: our own children work for us. */
interface FoundOpener extends Opener {
  readonly parent: number;
}

/** All processes that have the file open; see {@link otherOpeners}. */
export async function openersOf(path: string): Promise<FoundOpener[]> {
  const files = [path, `${path}-wal`, `${path}-shm`];
  return process.platform === 'linux' ? openersByProc(files) : await openersByLsof(files);
}

function openersByProc(files: readonly string[]): FoundOpener[] {
  const wanted = new Set(files.map(identityOf).filter((identity) => identity !== undefined));
  const openers: FoundOpener[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (descriptorsOf(pid).some((path) => wanted.has(identityOf(path) ?? ''))) {
      openers.push({ pid, parent: parentOf(pid), command: commandOf(pid) });
    }
  }
  return openers;
}

/** 0 for one that has ended. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
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
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // Program and script: the arguments behind them may hold a password.
    return ownCommand(args) ?? args.slice(0, 2).join(' ').trim();
  } catch {
    return '';
  }
}

async function openersByLsof(files: readonly string[]): Promise<FoundOpener[]> {
  try {
    // It fails when a file is missing, and prints what it found all the same.
    const { stdout } = await promisify(execFile)('lsof', ['-F', 'pRc', '--', ...files]).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
    );
    return [...stdout.matchAll(/^p(\d+)\n(?:R(\d+)\n)?c(.*)$/gm)].map(
      ([, pid, parent, command = '']) => ({ pid: Number(pid), parent: Number(parent), command }),
    );
  } catch {
    return [];
  }
}

/** `pylon-db COMMAND` for a process of ours by its arguments; `undefined` for any other program. */
export function ownCommand(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => /^(?:library|command|ops)-child\.[jt]s$/.test(basename(arg)));
  if (at >= 0) return inFull(args[at + 1]);
  const [, script = '', ...rest] = args;
  return isCommandLine(script) ? inFull(commandAmong(rest)) : undefined;
}

function inFull(command: string | undefined): string {
  return command === undefined || command === '' ? 'pylon-db' : `pylon-db ${command}`;
}

/** As `npx`, a link in the PATH, or the file of the package itself. */
function isCommandLine(script: string): boolean {
  if (basename(script) === 'pylon-db') return true;
  const home = dirname(dirname(script));
  return basename(script) === 'cli.js' && basename(home) === 'pylon-db';
}

/** The first word that is not an option: `--db` alone takes one behind it. */
function commandAmong(args: readonly string[]): string | undefined {
  return args.find((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--db');
}
