import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { PylonDbError } from '../../errors.js';
import { badUsage, examples } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { readSettings } from '../shell/settings.js';
import { EMPTY_LIST, withEntry } from './index-file.js';

interface Created {
  /** As the ledger will know it. */
  readonly name: string;
  readonly file: string;
  readonly index: string;
}

/** The published schema is number 1, so a service's own begin after it. */
const FIRST_NUMBER = 2;

/** Digits of a number in a file's name, so that a folder lists migrations in their order. */
const DIGITS = 3;

/** File names stay readable, and far below what file systems allow. */
const LONGEST_NAME = 60;

/** `pylon-db migrate create NAME --dir DIR`: writes a migration and adds it to the folder's list. */
export function configure(command: Command): void {
  command
    .argument('<name>', 'what it does, in snake_case: add_priority')
    .requiredOption('--dir <dir>', 'the folder of the migrations, made when missing; always needed')
    .addHelpText(
      'after',
      examples([
        [
          'pylon-db migrate create add_priority --dir migrations',
          'writes migrations/002_add_priority.ts',
        ],
      ]),
    )
    .action((name: string, { dir }: { readonly dir: string }) => {
      const out = new Output(readSettings(command));
      assertName(name);
      if (dir === '') throw badUsage('--dir needs a path', 'Write --dir migrations.');
      const created = create(name, resolve(dir));
      out.result(
        created,
        () => `created ${out.path(created.file)}\nlisted in ${out.path(created.index)}`,
      );
    });
}

function assertName(name: string): void {
  if (/^\d/.test(name)) {
    throw badUsage(`'${name}' begins with a digit`, 'Leave the number out: it is given.');
  }
  if (!/^[a-z][a-z0-9_]*$/.test(name) || name.length > LONGEST_NAME) {
    throw badUsage(
      `'${name}' is not a name for a migration`,
      `Use at most ${LONGEST_NAME} of a-z, 0-9 and _, a letter first: add_priority.`,
    );
  }
  if (name.startsWith('pylon_db_')) {
    throw badUsage(`'${name}' begins like pylon-db's own migrations`, 'Give it another name.');
  }
}

function create(what: string, dir: string): Created {
  try {
    mkdirSync(dir, { recursive: true });
    const index = join(dir, 'index.ts');
    const list = readList(index);
    const number = String(nextNumber([...readdirSync(dir), ...namesIn(list)]));
    const name = `${number.padStart(DIGITS, '0')}_${what}`;
    const listed = withEntry(list, name, index);
    const file = join(dir, `${name}.ts`);
    writeFileSync(file, TEMPLATE, { flag: 'wx' });
    try {
      writeFileSync(index, listed);
    } catch (error) {
      rmSync(file);
      throw error;
    }
    return { name, file, index };
  } catch (error) {
    if (error instanceof PylonDbError) throw error;
    throw new PylonDbError(
      'CANNOT_OPEN',
      `${dir} can't be written: ${error instanceof Error ? error.message : String(error)}`,
      { path: dir },
      { cause: error, hint: 'Give a folder that you may write: --dir DIR.' },
    );
  }
}

function readList(index: string): string {
  try {
    return readFileSync(index, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return EMPTY_LIST;
    throw error;
  }
}

/** Names in quotes: a migration may be listed whose file lies elsewhere. */
function namesIn(list: string): string[] {
  return Array.from(list.matchAll(/['"](\d+_\w+)['"]/g), ([, name = '']) => name);
}

function nextNumber(names: readonly string[]): number {
  const numbers = names.map((name) => Number(/^(\d+)_/.exec(name)?.[1] ?? 0));
  return Math.max(FIRST_NUMBER, ...numbers.map((number) => number + 1));
}

const TEMPLATE = `import type { MigrationParams } from 'pylon-db';

// Both run inside a transaction that is open already. Frozen once released.

export async function up({ context: db }: MigrationParams): Promise<void> {
  throw new Error('up() is still as the template has it: write it first');
  // await db.schema
  //   .alterTable('jobs')
  //   .addColumn('priority', 'integer', (col) => col.defaultTo(0))
  //   .execute();
}

// Undoes up() exactly. Delete it where that can't be done: \`migrate down\` then refuses.
export async function down({ context: db }: MigrationParams): Promise<void> {
  throw new Error('down() is still as the template has it: write it, or delete it');
  // await db.schema.alterTable('jobs').dropColumn('priority').execute();
}
`;
