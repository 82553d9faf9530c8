import { Temporal } from 'temporal-polyfill';
import type { EarningsBucket } from '../../earnings/rollup.js';
import type { BucketWidth } from '../../earnings/utc-calendar.js';
import type { Output } from '../shell/output.js';
import { counted, formatMsats } from '../shell/units.js';

/** Eighths of a cell, so that a bar's length is fine-grained. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Cells that a bar has at least, however narrow the terminal: below, all would look alike. */
const LEAST_BAR = 4;

/** Cells between label, amount and bar. */
const GAP = '  ';

/** Empty buckets in a row that are shown as one line instead: a pause would fill the screen. */
const LONG_PAUSE = 5;

interface Calendar {
  readonly by: BucketWidth;
  readonly timeZone: string;
}

/**
 * One line a bucket: its start, what it earned, and a bar; long pauses are one line. No line is
 * wider than the terminal. There is at least one bucket.
 */
export function bars(out: Output, buckets: readonly EarningsBucket[], calendar: Calendar): string {
  const labels = buckets.map((bucket) => labelOf(bucket.bucket_start, calendar));
  const amounts = buckets.map((bucket) => formatMsats(bucket.amount_msats));
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const amountWidth = Math.max(...amounts.map((amount) => amount.length));
  const most = Math.max(1, ...buckets.map((bucket) => bucket.amount_msats));
  const barWidth = out.barWidth - labelWidth - amountWidth - 2 * GAP.length;

  const pauses = longPauses(buckets);
  const lines = buckets.flatMap((bucket, i) => {
    const pause = pauses[i];
    if (pause === 'inside') return [];
    if (pause !== undefined)
      return [`${'⋮'.padEnd(labelWidth)}${GAP}${pause} ${calendar.by}s empty`];
    const bar = out.bar(barOf(bucket.amount_msats / most, Math.max(barWidth, LEAST_BAR)));
    const amount = (amounts[i] ?? '').padStart(amountWidth);
    return [`${(labels[i] ?? '').padEnd(labelWidth)}${GAP}${amount}${GAP}${bar}`.trimEnd()];
  });
  return [out.heading(`by ${calendar.by}, ${calendar.timeZone}`), ...lines, total(buckets)].join(
    '\n',
  );
}

/** For each bucket of a long pause, its length at the first of them, and `inside` at the others. */
function longPauses(buckets: readonly EarningsBucket[]): (number | 'inside' | undefined)[] {
  const pauses = new Array<number | 'inside' | undefined>(buckets.length);
  let start = 0;
  for (let i = 0; i <= buckets.length; i++) {
    if (buckets[i]?.count === 0) continue;
    const length = i - start;
    if (length > LONG_PAUSE) {
      pauses[start] = length;
      pauses.fill('inside', start + 1, i);
    }
    start = i + 1;
  }
  return pauses;
}

/** A share of the full width; never nothing for something. */
function barOf(share: number, width: number): string {
  if (share <= 0) return '';
  const eighths = Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

function total(buckets: readonly EarningsBucket[]): string {
  // Buckets are exact, and may add up to more than a number is.
  const msats = buckets.reduce((sum, bucket) => sum + BigInt(bucket.amount_msats), 0n);
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  return `total ${formatMsats(msats)} in ${counted(count, 'earning')}`;
}

function labelOf(start: number, { by, timeZone }: Calendar): string {
  const at = Temporal.Instant.fromEpochMilliseconds(start * 1000).toZonedDateTimeISO(timeZone);
  if (by === 'month') return at.toPlainDate().toPlainYearMonth().toString();
  if (by !== 'hour') return at.toPlainDate().toString();
  const hour = at.toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ');
  // When clocks are put back, an hour comes twice: the offset shows which.
  return timeZone === 'UTC' ? hour : `${hour}${at.offset}`;
}
