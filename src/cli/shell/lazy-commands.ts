import type { Command } from 'commander';
import { usageError } from './arguments.js';

/** What the file of a command exports: it adds arguments, options, examples and the action. */
interface CommandModule {
  configure(command: Command): void;
}

type Load = () => Promise<CommandModule>;
type LazyCommand = readonly [name: string, summary: string, load: Load];

/** What each command that waits for its file loads. */
const loads = new WeakMap<Command, Load>();

/** Adds subcommands whose files are loaded only when one of them is called, or its help. */
export function addCommands(parent: Command, commands: readonly LazyCommand[]): void {
  for (const [name, summary, load] of commands) {
    const command = parent.command(name).description(summary);
    refuseAsUsage(command);
    loads.set(command, load);
  }
  parent.hook('preSubcommand', (_, command) => configure(command));
}

/** Loads every command below `parent`, for who reads their definitions and calls none. */
export async function loadCommands(parent: Command): Promise<void> {
  for (const command of parent.commands) {
    await configure(command);
    await loadCommands(command);
  }
}

async function configure(command: Command): Promise<void> {
  const module = await loads.get(command)?.();
  module?.configure(command);
}

/**
 * Makes a command throw `INVALID_ARGUMENT` for a bad command line, instead of ending the process; for
 * the help of a subcommand that it lacks too.
 */
export function refuseAsUsage(command: Command): void {
  command.on('beforeHelp', () => {
    const [name = '-'] = command.args;
    const takesNames = command.commands.length > 0 && command.registeredArguments.length === 0;
    if (takesNames && !name.startsWith('-')) command.error(`error: unknown command '${name}'`);
  });
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(command, error);
  });
}
