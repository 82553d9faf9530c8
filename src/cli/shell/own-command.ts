import { basename, dirname } from 'node:path';

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

/** The first word that is no option: `--db` alone takes one behind it. */
function commandAmong(args: readonly string[]): string | undefined {
  return args.find((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--db');
}
