import type { Command } from 'commander';
import { usageError } from './usage-error.js';

/** What the file of a command exports: it adds arguments, options, examples and the action. */
export interface CommandModule {
  configure(command: Command): void;
}

type LazyCommand = readonly [name: string, summary: string, load: () => Promise<CommandModule>];

/** Adds subcommands whose files are loaded only when one of them is called, or its help. */
export function addCommands(parent: Command, commands: readonly LazyCommand[]): void {
  const loads = new Map<Command, () => Promise<CommandModule>>();
  for (const [name, summary, load] of commands) {
    const command = parent.command(name).description(summary);
    refuseAsUsage(command);
    loads.set(command, load);
  }
  parent.hook('preSubcommand', async (_, command) => {
    const module = await loads.get(command)?.();
    module?.configure(command);
  });
}

/** Makes a command throw `INVALID_ARGUMENT` for a bad command line, instead of ending the process. */
export function refuseAsUsage(command: Command): void {
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(command, error);
  });
}
