import { Temporal } from 'temporal-polyfill';
import { MAX_TIMESTAMP } from '../../schema/input.js';
import { badUsage } from './arguments.js';

/** A range in unix seconds, both ends included; `undefined` where the command line names none. */
export interface TimeRange {
  readonly start?: number;
  readonly end?: number;
}

/** Reads `--since` and `--until`; a date without a time is the whole day. Throws `INVALID_ARGUMENT`. */
export function readRange(
  options: { readonly since?: string; readonly until?: string },
  timeZone: string,
): TimeRange {
  const { since, until } = options;
  const start = since === undefined ? undefined : readTime('--since', since, timeZone, firstSecond);
  const end = until === undefined ? undefined : readTime('--until', until, timeZone, lastSecond);
  if (start !== undefined && end !== undefined && start > end) {
    throw badUsage('--since is later than --until', 'Swap the two.');
  }
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

/** Throws `INVALID_ARGUMENT` for a name that no time zone has. */
export function assertTimeZone(timeZone: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
  } catch {
    throw badUsage(
      `--time-zone '${timeZone}' is unknown`,
      'Give an IANA name like Europe/Berlin, or UTC.',
    );
  }
}

type OfDay = (day: Temporal.PlainDate, timeZone: string) => Temporal.ZonedDateTime;

const firstSecond: OfDay = (day, timeZone) => day.toZonedDateTime(timeZone);

const lastSecond: OfDay = (day, timeZone) =>
  day.add({ days: 1 }).toZonedDateTime(timeZone).subtract({ seconds: 1 });

function readTime(option: string, text: string, timeZone: string, ofDay: OfDay): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : readIso(text, timeZone, ofDay);
  if (seconds >= 0 && seconds <= MAX_TIMESTAMP) return seconds;
  throw badUsage(
    `${option} can't be '${text}'`,
    'Give unix seconds, a date (2026-01-31) or a time (2026-01-31T12:00, 2026-01-31T12:00Z).',
  );
}

/** `NaN` for what is not a date. */
function readIso(text: string, timeZone: string, ofDay: OfDay): number {
  try {
    return Math.floor(isoTime(text, timeZone, ofDay).epochMilliseconds / 1000);
  } catch {
    return Number.NaN;
  }
}

function isoTime(
  text: string,
  timeZone: string,
  ofDay: OfDay,
): Temporal.ZonedDateTime | Temporal.Instant {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return ofDay(Temporal.PlainDate.from(text), timeZone);
  if (/(?:z|[+-]\d\d:?\d\d)$/i.test(text)) return Temporal.Instant.from(text);
  return Temporal.PlainDateTime.from(text).toZonedDateTime(timeZone);
}
