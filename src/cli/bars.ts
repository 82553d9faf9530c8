import { Temporal } from 'temporal-polyfill';
import type { BucketWidth } from '../earnings/calendar.js';
import type { EarningsBucket } from '../earnings/rollup.js';
import type { Output } from './output.js';
import { formatCount, formatMsats } from './units.js';

/** Eighths of a cell, so that a bar's length is told finely. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Cells that a bar has at least, however narrow the terminal: below, all would look alike. */
const LEAST_BAR = 4;

/** One line a bucket: its start, what it earned, and a bar; no line is wider than the terminal. */
export function bars(
  out: Output,
  buckets: readonly EarningsBucket[],
  options: { readonly by: BucketWidth; readonly timeZone: string },
): string {
  const title = `${options.by} (${options.timeZone})`;
  const rows = buckets.map((bucket) => ({
    label: labelOf(bucket.bucket_start, options),
    amount: formatMsats(bucket.amount_msats),
    amount_msats: bucket.amount_msats,
  }));
  const most = Math.max(0, ...rows.map((row) => row.amount_msats));
  const labelWidth = Math.max(...rows.map((row) => row.label.length));
  const amountWidth = Math.max('earned'.length, ...rows.map((row) => row.amount.length));
  const barWidth = Math.max(out.barWidth - labelWidth - amountWidth - 4, LEAST_BAR);

  const lines = rows.map(({ label, amount, amount_msats }) => {
    const bar = out.bar(barOf(amount_msats / (most || 1), barWidth));
    return `${label.padEnd(labelWidth)}  ${amount.padStart(amountWidth)}  ${bar}`.trimEnd();
  });
  const titleWidth = labelWidth + 2 + amountWidth;
  // A long zone name takes the room of the second title.
  const head = title.length > labelWidth ? title : title.padEnd(titleWidth - 6).concat('earned');
  return [out.heading(head), ...lines, totals(buckets)].join('\n');
}

/** A share of the full width; never nothing for something. */
function barOf(share: number, width: number): string {
  if (share <= 0) return '';
  const eighths = Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

function totals(buckets: readonly EarningsBucket[]): string {
  const msats = buckets.reduce((sum, bucket) => sum + bucket.amount_msats, 0);
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  return `total ${formatMsats(msats)} in ${formatCount(count)} earnings`;
}

function labelOf(
  start: number,
  { by, timeZone }: { readonly by: BucketWidth; readonly timeZone: string },
): string {
  const at = Temporal.Instant.fromEpochMilliseconds(start * 1000).toZonedDateTimeISO(timeZone);
  if (by === 'month') return at.toPlainDate().toPlainYearMonth().toString();
  if (by !== 'hour') return at.toPlainDate().toString();
  const hour = at.toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ');
  // When clocks are put back, an hour comes twice: the offset tells which.
  return timeZone === 'UTC' ? hour : `${hour}${at.offset}`;
}
