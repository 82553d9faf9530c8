import type { Command, CommanderError } from 'commander';
import { PylonDbError } from '../../errors.js';

/** A bad command line as `INVALID_ARGUMENT`: one line, with the help to read as the hint. */
export function usageError(command: Command, error: CommanderError): PylonDbError {
  const problem = error.code === 'commander.help' ? missingCommand(command) : problemOf(error);
  return badUsage(problem, `See \`${fullName(command)} --help\`.`);
}

/** An `INVALID_ARGUMENT` of the command line. */
export function badUsage(problem: string, hint: string): PylonDbError {
  return new PylonDbError(
    'INVALID_ARGUMENT',
    problem,
    { field: 'arguments' },
    { operation: '', hint },
  );
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
