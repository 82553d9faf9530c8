import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option } from 'commander';
import { migrations as ownMigrations } from '../../../migrations/index.js';
import { PylonDbError } from '../../errors.js';
import type { MigrationList } from '../../migrate/migration.js';
import { optionsInput } from '../../options.js';
import { badUsage } from '../shell/arguments.js';

/** The option of commands that can run a service's own migrations along with ours. */
export interface MigrationsOption {
  readonly migrations?: string;
}

/** `--migrations FILE`. */
export function migrationsOption(): Option {
  return new Option(
    '--migrations <file>',
    "a service's own: a module that exports `migrations: MigrationList`",
  );
}

/** Our migrations and, after them, those of the file. Throws when it can't be used. */
export async function readMigrations({ migrations }: MigrationsOption): Promise<MigrationList> {
  if (migrations === undefined) return ownMigrations;
  return { ...ownMigrations, ...(await importList(migrations)) };
}

/** Whether a migration is one of pylon-db's own. */
export function isOwn(name: string): boolean {
  return Object.hasOwn(ownMigrations, name);
}

async function importList(file: string): Promise<MigrationList> {
  const path = resolve(file);
  assertImportable(path);
  const module: { migrations?: MigrationList } = await importFile(path);
  const { migrations } = module;
  if (migrations === undefined) {
    throw badUsage(
      `${path} exports no \`migrations\``,
      '`pylon-db migrate create` writes such a file: index.ts.',
    );
  }
  optionsInput.open({ migrations }, 'options', '');
  return migrations;
}

function assertImportable(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new PylonDbError(
    'CANNOT_OPEN',
    `there is no file ${path}`,
    { path },
    { hint: 'Give the module that lists the migrations: --migrations FILE.' },
  );
}

async function importFile(path: string): Promise<{ migrations?: MigrationList }> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new PylonDbError(
        'NOT_SUPPORTED',
        `this Node.js can't import ${path}`,
        {},
        {
          cause,
          hint: 'Compile it to .js, or call `npx tsx node_modules/pylon-db/dist/cli.js …`.',
        },
      );
    }
    const why = cause instanceof Error ? cause.message.split('\n', 1).join('') : String(cause);
    throw new PylonDbError(
      'INVALID_ARGUMENT',
      `${path} can't be imported: ${why}`,
      { field: 'migrations' },
      { cause, hint: 'Fix the file, or run with --debug for the stack.' },
    );
  }
}
