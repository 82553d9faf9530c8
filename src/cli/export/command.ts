import { type Command, Option } from 'commander';
import { expandPath } from '../../engine/sqlite/database-file.js';
import { assertCsv, badUsage, examples, SPREADSHEET } from '../shell/arguments.js';
import { reading } from '../shell/reading.js';
import { readSettings } from '../shell/settings.js';
import { readRange } from '../shell/times.js';
import { printExport, writeExport } from './output.js';
import {
  EXPORT_FORMATS,
  EXPORT_TABLES,
  type ExportFormat,
  type ExportTable,
  type Selection,
} from './parts.js';

interface ExportOptions {
  readonly all?: boolean;
  readonly sql?: string;
  readonly format?: ExportFormat;
  readonly out?: string;
  readonly since?: string;
  readonly includeSecrets?: boolean;
  readonly spreadsheet?: boolean;
  readonly force?: boolean;
}

/** `pylon-db export TABLE|--all|--sql QUERY`: rows as CSV or JSON, to stdout or a file. */
export function configure(command: Command): void {
  command
    .argument('[table]', `one of ${EXPORT_TABLES.join(', ')}`)
    .option('--all', 'all these tables, in the state of one moment')
    .option('--sql <query>', 'the result of one SELECT, WITH or VALUES')
    .addOption(
      new Option(
        '--format <format>',
        'how to write rows (default: by the name of --out, else csv)',
      ).choices(EXPORT_FORMATS),
    )
    .option('--spreadsheet', SPREADSHEET)
    .option('--out <path>', 'a file; with --all a folder that is new or empty (default: stdout)')
    .option('--since <time>', 'only rows of this time on: unix seconds, a date or an ISO time')
    .option('--include-secrets', 'tables with their preimages (a query gives what it asks for)')
    .option('--force', 'replace the file of --out')
    .addHelpText(
      'after',
      `${examples([
        ['pylon-db export earnings --out earnings.csv --spreadsheet', 'to be opened by people'],
        ['pylon-db export jobs --format ndjson | jq .status', 'a JSON object a line'],
        ['pylon-db export --all --format json --out copy-2026-01-31', 'a file for each table'],
        ['pylon-db export tick_history --since 2026-01-31', 'what was added that day and later'],
        ["pylon-db export --sql 'SELECT id, kind FROM jobs' --format json", 'any query'],
      ])}\n
Values:
  Nothing is rounded. In CSV (RFC 4180) NULL and empty text are both an empty field. In JSON
  integers beyond 2^53-1 are strings. BLOBs are hexadecimal. --since looks at created_at,
  earned_at, updated_at or applied_at. Tables come without
  preimages unless --include-secrets is given; --sql gives what it asks for.

Spreadsheets:
  Strangers write keys, names and error messages. A spreadsheet runs what begins with = + - or @ as a
  formula, and rounds long numbers: open CSV there only if it was written with --spreadsheet. It puts
  an apostrophe before such texts, also behind a semicolon, tab or line break, and before digits that
  a spreadsheet would change: leading zeros, dates, more than 15 digits. For programs leave it out.

A server gives the same text for the same rows. Ticks and migrations come by id there too; jobs,
earnings and agents as they lie: after a copy in the order of the source, a changed row elsewhere.
To be sure that nobody exports preimages there, give the role no right to that column.`,
    )
    .action(async (table: string | undefined, options: ExportOptions) => {
      const settings = readSettings(command);
      const selection = selectionOf(table, options);
      const props = {
        selection,
        format: formatOf(options, settings.json),
        includeSecrets: options.includeSecrets ?? false,
        spreadsheet: options.spreadsheet ?? false,
      };
      if (props.spreadsheet) assertCsv(props.format);
      const { out, force = false, all = false } = options;
      if (force && out === undefined) throw badUsage('--force goes with --out', 'Leave it out.');
      await reading(command, (_, output, readable) =>
        out === undefined
          ? printExport(readable, output, props, all)
          : writeExport(readable, output, props, { destination: expandPath(out), force, all }),
      );
    });
}

function selectionOf(table: string | undefined, options: ExportOptions): Selection {
  const { all = false, sql, since, force = false, out } = options;
  if ([table !== undefined, all, sql !== undefined].filter(Boolean).length !== 1) {
    throw badUsage('give a table, or --all, or --sql', `Tables: ${EXPORT_TABLES.join(', ')}.`);
  }
  if (out === '' || out?.startsWith('-')) {
    throw badUsage('--out needs a path', 'Leave it out for stdout; write ./-name for such a name.');
  }
  if (all && force) {
    throw badUsage('--force replaces one file', 'With --all give a folder that is new or empty.');
  }
  if (all && out !== undefined && formatOfName(out) !== undefined) {
    throw badUsage(
      `--all writes a file for each table, and ${out} is the name of one`,
      'Give a folder; or leave --out out, add --format json, and redirect stdout.',
    );
  }
  if (sql !== undefined) {
    if (since === undefined) return { sql };
    throw badUsage("--since doesn't go with --sql", 'Write the condition into the query.');
  }
  const { start } = readRange(since === undefined ? {} : { since }, 'UTC');
  const tables = table === undefined ? EXPORT_TABLES : [tableNamed(table)];
  return { tables, ...(start === undefined ? {} : { since: start }) };
}

function tableNamed(name: string): ExportTable {
  const found = EXPORT_TABLES.find((table) => table === name);
  if (found !== undefined) return found;
  throw badUsage(
    `'${name}' is not a table that can be exported`,
    `Give one of ${EXPORT_TABLES.join(', ')}; or --sql 'SELECT * FROM …' for another.`,
  );
}

function formatOf({ format, out, all = false }: ExportOptions, json: boolean): ExportFormat {
  if (out !== undefined) return format ?? (all ? 'csv' : formatByName(out));
  if (json && format !== undefined && format !== 'json') {
    throw badUsage(`--json and --format ${format} contradict`, 'Leave one of them out.');
  }
  const toStdout = format ?? (json ? 'json' : 'csv');
  if (toStdout === 'csv' && all) {
    throw badUsage('CSV holds one table', 'Add --out FOLDER, or --format json or ndjson.');
  }
  return toStdout;
}

function formatOfName(path: string): ExportFormat | undefined {
  return EXPORT_FORMATS.find((format) => path.toLowerCase().endsWith(`.${format}`));
}

function formatByName(path: string): ExportFormat {
  const found = formatOfName(path);
  if (found !== undefined) return found;
  throw badUsage(`the name ${path} doesn't say the format`, 'Add --format csv, json or ndjson.');
}
