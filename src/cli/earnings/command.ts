import { type Command, Option } from 'commander';
import type { Earning } from '../../earnings/earning.js';
import type { BucketWidth } from '../../earnings/utc-calendar.js';
import type { PylonDb } from '../../pylon-db.js';
import { MAX_INTEGER } from '../../schema/input.js';
import { badUsage, examples } from '../shell/arguments.js';
import type { Output } from '../shell/output.js';
import {
  beforeOption,
  type Cursor,
  DEFAULT_LIMIT,
  limitOption,
  noteRest,
  type PageOptions,
} from '../shell/pages.js';
import { reading } from '../shell/reading.js';
import { type Column, table } from '../shell/table.js';
import { assertTimeZone, readRange, type TimeRange } from '../shell/times.js';
import { formatMsats, formatTime } from '../shell/units.js';
import { bars } from './bars.js';
import { bucketsThatFit } from './newest-buckets.js';

interface EarningsOptions extends PageOptions {
  readonly since?: string;
  readonly until?: string;
  readonly includeSecrets?: boolean;
  readonly by?: BucketWidth;
  readonly timeZone?: string;
}

const WIDTHS = ['hour', 'day', 'week', 'month'] as const satisfies readonly BucketWidth[];

/** `pylon-db earnings`: lists earnings, newest first, or sums them by time. */
export function configure(command: Command): void {
  command
    .option('--since <time>', 'only from this time on: unix seconds, a date or an ISO time')
    .option('--until <time>', 'only up to this time; a date includes its day')
    .addOption(limitOption())
    .addOption(beforeOption())
    .option('--include-secrets', 'show preimages too')
    .addOption(
      new Option('--by <width>', 'sums and bars, a line for each')
        .choices(WIDTHS)
        .conflicts(['limit', 'before', 'includeSecrets']),
    )
    .option('--time-zone <zone>', 'where days begin and dates hold, with --by (default: UTC)')
    .addHelpText(
      'after',
      examples([
        ['pylon-db earnings --since 2026-01-01', 'the newest of this year'],
        ['pylon-db earnings --by day', 'what each day earned'],
        ['pylon-db earnings --by month --time-zone Asia/Tokyo', 'months as Tokyo has them'],
      ]),
    )
    .action(async (options: EarningsOptions) => {
      const { by, timeZone = 'UTC' } = options;
      if (by === undefined && options.timeZone !== undefined) {
        throw badUsage('--time-zone goes with --by', 'Add --by day, or leave it out.');
      }
      assertTimeZone(timeZone);
      const range = readRange(options, timeZone);
      await reading(command, (db, out) =>
        by === undefined
          ? listEarnings(db, out, range, options)
          : sumEarnings(db, out, range, { by, timeZone }),
      );
    });
}

async function listEarnings(
  db: PylonDb,
  out: Output,
  // Without an end named, earnings that a wrong clock dated are listed too.
  { start = -MAX_INTEGER, end = MAX_INTEGER }: TimeRange,
  { limit = DEFAULT_LIMIT, before, includeSecrets = false }: EarningsOptions,
): Promise<void> {
  const list = (size: number, at: Cursor | undefined) =>
    db.earnings.page(
      'earnings.inRange',
      { start, end },
      {
        limit: size,
        ...(at === undefined ? {} : { before: { earned_at: at.position, id: at.key } }),
      },
    );
  const rows = await list(limit, before);
  out.result(includeSecrets ? rows : rows.map(withoutPreimage), () => {
    const columns = includeSecrets ? [...COLUMNS, PREIMAGE] : COLUMNS;
    return rows.length === 0 ? '' : table(out, rows, columns);
  });
  await noteRest(
    out,
    { rows, limit, what: 'earnings' },
    (earning) => ({ position: earning.earned_at, key: earning.id }),
    (cursor) => list(1, cursor),
  );
}

function withoutPreimage({ preimage: _, ...shown }: Earning): Omit<Earning, 'preimage'> {
  return shown;
}

const COLUMNS: readonly Column<Earning>[] = [
  { title: 'id', cell: (earning) => earning.id, cut: 'middle' },
  { title: 'amount', cell: (earning) => formatMsats(earning.amount_msats), align: 'right' },
  { title: 'source', cell: (earning) => earning.source },
  { title: 'earned (UTC)', cell: (earning) => formatTime(earning.earned_at) },
  { title: 'job', cell: (earning) => earning.job_id ?? '', cut: 'middle' },
];
const PREIMAGE: Column<Earning> = { title: 'preimage', cell: (earning) => earning.preimage ?? '' };

async function sumEarnings(
  db: PylonDb,
  out: Output,
  range: TimeRange,
  options: { readonly by: BucketWidth; readonly timeZone: string },
): Promise<void> {
  const { buckets, notes } = await bucketsThatFit(db, range, options);
  out.result(buckets, () => (buckets.length === 0 ? '' : bars(out, buckets, options)));
  if (buckets.length === 0) out.note('No earnings.');
  for (const note of notes) out.note(note);
}
