import { type Command, Option } from 'commander';
import { formatBytes } from '../../engine/sqlite/room.js';
import { isPylonDbError } from '../../errors.js';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../../options.js';
import { spreadsheetLine } from '../export/spreadsheet.js';
import { assertCsv, badUsage, examples, SPREADSHEET, secondsAsMs } from '../shell/arguments.js';
import { Output } from '../shell/output.js';
import { wholeNumber } from '../shell/pages.js';
import { withReadable } from '../shell/readable.js';
import { existingDatabase, readSettings, type Settings } from '../shell/settings.js';
import { formatCount } from '../shell/units.js';
import { runQuery } from './file.js';
import {
  CsvPrinter,
  planLines,
  planTree,
  printerOf,
  QUERY_FORMATS,
  type QueryFormat,
  type ResultPrinter,
} from './formats.js';
import { addParameter, type QueryParameters } from './parameters.js';
import type { QueryEnd, QueryInput, QueryReport } from './task.js';

/** Rows of a result when the command line names no limit. */
const DEFAULT_LIMIT = 1000;

/** The most rows that may be asked for; `export` has no cap. */
const MAX_LIMIT = 1_000_000;

/** A table waits for all of its rows, and nobody reads more. */
const MAX_TABLE_ROWS = 10_000;

/** Values of a result, in bytes: a table and a slow reader keep them in memory. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A query is ended after so many ms: while it reads, the WAL can't be cut back. */
const DEFAULT_TIMEOUT_MS = 5000;

/** SQL from stdin in bytes: nobody writes more. */
const MAX_SQL_BYTES = 1024 * 1024;

interface QueryOptions {
  readonly param?: QueryParameters;
  readonly format?: QueryFormat;
  readonly limit?: number;
  readonly timeout?: number;
  readonly explain?: boolean;
  readonly spreadsheet?: boolean;
}

/** `pylon-db query`: asks the database one question in SQL; it can't change anything. */
export function configure(command: Command): void {
  command
    .argument('<sql>', 'one SELECT, WITH or VALUES, in quotes; - reads it from stdin')
    .addOption(
      new Option(
        '-p, --param <name=value>',
        "the value of :name; 5, 0.5 and null are what they are in SQL, '5' is text, all else is text",
      ).argParser(addParameter),
    )
    .addOption(
      new Option('--format <format>', 'how to print the rows (default: table)').choices(
        QUERY_FORMATS,
      ),
    )
    .addOption(
      new Option('--limit <n>', `print at most so many rows (default: ${DEFAULT_LIMIT})`).argParser(
        (text) => wholeNumber(text, 1, MAX_LIMIT),
      ),
    )
    .addOption(
      new Option(
        '--timeout <seconds>',
        `end the query after so long (default: ${DEFAULT_TIMEOUT_MS / 1000})`,
      ).argParser(secondsAsMs),
    )
    .option('--spreadsheet', SPREADSHEET)
    .option('--explain', "show the database's plan instead of the rows")
    .addHelpText(
      'after',
      `${examples([
        ["pylon-db query 'SELECT status, count(*) FROM jobs GROUP BY 1'", 'a table'],
        ["pylon-db query 'SELECT * FROM jobs WHERE id = :id' -p id=job-1", 'with a parameter'],
        ["pylon-db query 'SELECT * FROM earnings' --spreadsheet > e.csv", 'to be opened by people'],
        ['pylon-db query - --timeout 60 < report.sql', 'SQL from a file'],
      ])}\n
Values:
  Nothing is rounded. JSON has integers beyond 2^53-1 as strings and BLOBs in hex; columns of
  the same name become id, id:1. A table shows NULL and x'…'. Preimages show if you ask for them.
  --spreadsheet writes CSV as that of export does.

On a server:
  The transaction can't write. What a function does is the role's to allow: ask as a role that may
  only read. Parameters get their type where they stand: write cast(:n as bigint) where nothing
  says it. Booleans, dates and JSON are text, as are decimals that a number can't hold.`,
    )
    .action(async (sql: string, options: QueryOptions) => {
      const settings = readSettings(command);
      const { spreadsheet = false } = options;
      const format = formatOf(options.format ?? (spreadsheet ? 'csv' : undefined), settings.json);
      if (spreadsheet) assertCsv(format);
      const maxRows = options.limit ?? DEFAULT_LIMIT;
      if (format === 'table' && maxRows > MAX_TABLE_ROWS) {
        const most = `a table has at most ${formatCount(MAX_TABLE_ROWS)} rows`;
        throw badUsage(most, 'Add --format csv, json or ndjson, or lower --limit.');
      }
      existingDatabase(settings);
      const question: ReadStatement = {
        sql: sql === '-' ? await readStdin() : sql,
        parameters: options.param ?? {},
        explain: options.explain ?? false,
        maxRows,
        maxBytes: MAX_BYTES,
        timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
      };
      const out = new Output(settings);
      const drawPlan = settings.serverUrl === undefined ? planTree : planLines;
      const printer = spreadsheet
        ? new CsvPrinter(spreadsheetLine)
        : printerOf(format, question.explain ? drawPlan : undefined, out);
      const end = await withReadable(settings, out, (readable) =>
        print(printer, (listener) => ask(readable, question, listener)),
      );
      if (end !== undefined) noteEnd(end, format, question, out);
    });
}

function formatOf(format: QueryFormat | undefined, json: boolean): QueryFormat {
  if (!json) return format ?? 'table';
  if (format === undefined || format === 'json') return 'json';
  throw badUsage(`--json and --format ${format} contradict`, 'Leave one of them out.');
}

type ReadStatement = Omit<QueryInput, 'path' | 'busyTimeoutMs'>;

interface Listener {
  readonly onReport: (report: QueryReport) => void;
  readonly signal: AbortSignal;
}

async function ask(
  { path, serverUrl, readFrom }: Settings,
  question: ReadStatement,
  listener: Listener,
): Promise<QueryEnd> {
  if (serverUrl === undefined) {
    const input = { ...question, path: readFrom ?? path, busyTimeoutMs: DEFAULT_BUSY_TIMEOUT_MS };
    return await runQuery(input, listener);
  }
  const { queryServer } = await import('./server.js');
  return await queryServer({ ...question, url: serverUrl }, listener);
}

/** Prints what comes; gives nothing when the reader of stdout went away (`| head`). */
async function print(
  printer: ResultPrinter,
  run: (listener: Listener) => Promise<QueryEnd>,
): Promise<QueryEnd | undefined> {
  const unread = new AbortController();
  const abort = () => unread.abort();
  process.stdout.once('error', abort);
  try {
    const end = await run({
      signal: unread.signal,
      onReport: (report) =>
        report.kind === 'columns' ? printer.columns(report.names) : printer.rows(report.rows),
    });
    printer.end();
    return end;
  } catch (error) {
    if (unread.signal.aborted && isPylonDbError(error, 'ABORTED')) return undefined;
    throw error;
  } finally {
    process.stdout.off('error', abort);
  }
}

function noteEnd(
  { rows, cut }: QueryEnd,
  format: QueryFormat,
  question: ReadStatement,
  out: Output,
) {
  const shown = `Rows shown: only the first ${formatCount(rows)}`;
  const whole = 'Or use `pylon-db export --sql`.';
  if (cut === 'rows') {
    out.note(`${shown}; there are more. Raise --limit. ${whole}`);
  } else if (cut === 'bytes') {
    out.note(
      `${shown}; with the next there were more than ${formatBytes(question.maxBytes)}. ${whole}`,
    );
  } else if (rows === 0 && format === 'table') {
    out.note('No rows.');
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk);
    bytes += part.byteLength;
    if (bytes > MAX_SQL_BYTES) {
      throw badUsage(
        `the SQL is longer than ${formatBytes(MAX_SQL_BYTES)}`,
        'Give one statement, and values as parameters.',
      );
    }
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}
