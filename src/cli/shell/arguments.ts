import { type Command, type CommanderError, InvalidArgumentError } from 'commander';
import { PylonDbError } from '../../errors.js';

/** A bad command line as `INVALID_ARGUMENT`: one line, with the help to read as the hint. */
export function usageError(command: Command, error: CommanderError): PylonDbError {
  const problem = error.code === 'commander.help' ? missingCommand(command) : problemOf(error);
  return badUsage(problem, `See \`${fullName(command)} --help\`.`);
}

/** An `INVALID_ARGUMENT` of the command line. */
export function badUsage(problem: string, hint: string): PylonDbError {
  return new PylonDbError('INVALID_ARGUMENT', problem, { field: 'arguments' }, { hint });
}

/** `error: unknown command 'jbos'⏎(Did you mean jobs?)` without its prefix, in one line. */
function problemOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/\s*\n\((.*)\)$/, '. $1')
    .replace(/\.$/, '');
}

function missingCommand(command: Command): string {
  const names = command.commands.map((sub) => sub.name());
  return `a command is missing: ${names.join(', ')}`;
}

function fullName(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${fullName(parent)} ${command.name()}`;
}

/** Longer is a slip: an hour. */
const MAX_SECONDS = 3600;

/** Reads a number of seconds as milliseconds; commander reports the error with the option's name. */
export function secondsAsMs(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const ms = Math.round(seconds * 1000);
  if (ms >= 1 && seconds <= MAX_SECONDS) return ms;
  throw new InvalidArgumentError(`Give seconds, such as 0.5, up to ${MAX_SECONDS}.`);
}

/** The part of a command's help that shows whole command lines, each with what it is for. */
export function examples(lines: readonly (readonly [line: string, purpose: string])[]): string {
  const width = Math.max(...lines.map(([line]) => line.length));
  const shown = lines.map(([line, purpose]) => `  $ ${line.padEnd(width)}  ${purpose}`);
  return `\nExamples:\n${shown.join('\n')}`;
}

/** What `--spreadsheet` does, for the help. */
export const SPREADSHEET = 'CSV without formulas, and with all digits, for spreadsheets';

/** Throws `INVALID_ARGUMENT` for another format than CSV. */
export function assertCsv(format: string): void {
  if (format === 'csv') return;
  throw badUsage(`--spreadsheet is for CSV, not for ${format}`, 'Leave one of them out.');
}
