import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { fileProblem } from '../backup/file-problem.js';
import { DEFAULT_PATH } from '../engine/sqlite/database-file.js';
import { placeOf, systemCode } from '../engine/sqlite/system-error.js';
import { examples } from './shell/arguments.js';
import { addCommands, loadCommands, refuseAsUsage } from './shell/lazy-commands.js';

/**
 * Runs one command line, without `node` and the script's name. Throws what the command throws;
 * `process.exitCode` is set where a success isn't 0.
 */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(fromHelpCommand(args), { from: 'user' });
  } catch (error) {
    // Help and version end this way too.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    // What no command expected of a path that it was given.
    throw systemCode(error) === undefined ? error : fileProblem(error, placeOf(error));
  }
}

/** The program with all its commands loaded: what `--help` knows of each. */
export async function wholeProgram(): Promise<Command> {
  const whole = program();
  await loadCommands(whole);
  return whole;
}

/** `help jobs` is `jobs --help`: commander's own help command knows no lazy commands. */
function fromHelpCommand(args: readonly string[]): string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : [...args];
}

function program(): Command {
  const program = new Command('pylon-db')
    .description(
      'The memory of a Pylon node: look into its database, keep it safe, and migrate it.',
    )
    .version(packageVersion(), '--version', 'print the version of pylon-db')
    .helpCommand(false)
    .helpOption('-h, --help', 'how to use a command, with examples')
    .configureHelp({ showGlobalOptions: true })
    // Errors are reported in one place, as one line.
    .configureOutput({ writeErr: () => {} })
    .option('--db <path>', `a file, or postgres://… (default: $PYLON_DB, else ${DEFAULT_PATH})`)
    .option('--json', 'print JSON; errors too, on stderr')
    .option('--quiet', 'no notes on stderr, only errors')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same')
    .option('--debug', 'report errors with their stack')
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db migrate up', 'create or update ~/.pylon/pylon.db'],
        ['pylon-db info --db ./pylon.db', 'what a file holds'],
        ['pylon-db info --db postgres://db.example/pylon', 'what a server holds'],
        ['pylon-db earnings --by day', 'bars in the terminal'],
        ['pylon-db backup --keep 7', 'a verified copy, while anything writes'],
        ['pylon-db jobs --status failed --json', 'for scripts'],
      ])}\n
Exit codes:
  0 ok · 1 error · 2 bad command line or value · 3 migrations pending, or the schema drifted
  4 damaged or unreadable data · 5 the database is busy or in use

Environment:
  PYLON_DB  the file or server, unless --db names one
  NO_COLOR  no colours, unless it is empty`,
    );
  refuseAsUsage(program);
  addCommands(program, [
    ['info', 'what the database holds: size, schema, totals', () => import('./info/command.js')],
    ['jobs', 'list jobs, or show one', () => import('./jobs/command.js')],
    ['earnings', 'list earnings, or sum them by time', () => import('./earnings/command.js')],
    ['agents', 'list agents', () => import('./agents/command.js')],
    ['ticks', "list an agent's ticks", () => import('./ticks/command.js')],
    [
      'backup',
      'copy the database safely; list and verify copies',
      () => import('./backup/command.js'),
    ],
    [
      'check',
      'look for damage and wrong sums; repair what is safe',
      () => import('./check/command.js'),
    ],
    [
      'vacuum',
      'give unused space back, and refresh statistics',
      () => import('./vacuum/command.js'),
    ],
    ['query', 'ask in SQL; read-only', () => import('./query/command.js')],
    ['export', 'rows as CSV or JSON', () => import('./export/command.js')],
    ['copy', 'a file to a server, and back; all or nothing', () => import('./copy/command.js')],
    ['restore', 'put a backup in the place of the database', () => import('./restore/command.js')],
    ['migrate', 'apply, revert, show and write migrations', () => import('./migrate/command.js')],
  ]);
  return program;
}

function packageVersion(): string {
  // By its own name, so that it is found from src and from dist.
  const { version }: { version: string } = createRequire(import.meta.url)('pylon-db/package.json');
  return version;
}
