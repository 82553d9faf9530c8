import type { Command } from 'commander';
import { examples } from './examples.js';
import { addCommands } from './lazy-commands.js';

/** `pylon-db migrate`: the commands about migrations. */
export function configure(command: Command): void {
  addCommands(command, [
    ['up', 'apply pending migrations', () => import('./migrate-up.js')],
    ['down', 'revert the newest migrations', () => import('./migrate-down.js')],
    [
      'redo',
      'in development: revert a migration and apply it again',
      () => import('./migrate-redo.js'),
    ],
    ['status', 'what is applied and what is pending', () => import('./migrate-status.js')],
    ['plan', 'the SQL of pending migrations; changes nothing', () => import('./migrate-plan.js')],
    ['create', 'write a migration from a template', () => import('./migrate-create.js')],
    ['verify', 'compare the schema with its migrations', () => import('./migrate-verify.js')],
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
