import type { Command } from 'commander';
import { examples } from '../shell/arguments.js';
import { addCommands } from '../shell/lazy-commands.js';

/** `pylon-db migrate`: the commands about migrations. */
export function configure(command: Command): void {
  addCommands(command, [
    ['up', 'apply pending migrations', () => import('./up.js')],
    ['down', 'revert the newest migrations', () => import('./down.js')],
    ['redo', 'in development: revert a migration and apply it again', () => import('./redo.js')],
    ['status', 'what is applied and what is pending', () => import('./status.js')],
    ['plan', 'the SQL of pending migrations; changes nothing', () => import('./plan.js')],
    ['create', 'write a migration from a template', () => import('./create.js')],
    ['verify', 'compare the schema with its migrations', () => import('./verify.js')],
  ]);
  command.helpCommand(false).addHelpText(
    'after',
    examples([
      ['pylon-db migrate status', 'exit code 3 when something is pending'],
      ['pylon-db migrate plan && pylon-db migrate up', 'look first'],
      ['pylon-db migrate up --migrations ./migrations/index.js', "a service's own as well"],
    ]),
  );
}
