import type Database from 'better-sqlite3';
import { OWN_OBJECTS } from '../../../generated/own-objects.js';

const TABLE = 'pylon_db_earning_hours';

/** Behind the hours of times stand the totals, which are compared under names of their own. */
const BEHIND_HOURS = 9_223_372_036_854_775_806n;

/** An hour of one source, or its first quarters, whose sums are not what the rows give. */
interface WrongHour {
  readonly name: string;
  readonly says: string;
  readonly is: string;
}

/** A row as stored: its hour, its source, and three numbers for each of four sums. */
type HourRow = readonly unknown[];

/** Where each sum of a row begins, and what it is called. */
const SUMS = [
  [2, ''],
  [5, ', first quarter'],
  [8, ', first two quarters'],
  [11, ', first three quarters'],
] as const;

/**
 * The earnings by the hour that differ from what the rows give, none where nothing keeps them. They
 * are counted anew in a TEMP table of the same name: nothing else may ask the connection for them.
 */
export function wrongHours(db: Database.Database): WrongHour[] {
  const own = OWN_OBJECTS.find(({ name }) => name === TABLE);
  const isThere = db
    .prepare("select 1 from main.sqlite_master where type = 'table' and name = ?")
    .get(TABLE);
  if (own?.fill === undefined || isThere === undefined) return [];
  db.exec(`drop view if exists temp.${TABLE}`);
  db.exec(own.sql.replace(/^create table/i, 'create temp table'));
  db.exec(own.fill);
  const stored = rowsOnlyIn(db, 'main', 'temp');
  const fresh = rowsOnlyIn(db, 'temp', 'main');
  return [...new Set([...stored.keys(), ...fresh.keys()])].flatMap((key) =>
    difference(key, stored.get(key), fresh.get(key)),
  );
}

type Source = 'main' | 'temp';

function rowsOnlyIn(db: Database.Database, one: Source, other: Source): Map<string, HourRow> {
  const rows = db
    .prepare<[bigint], HourRow>(
      `select * from ${one}.${TABLE} where hour < ? except select * from ${other}.${TABLE} order by 1, 2`,
    )
    .raw()
    .safeIntegers()
    .all(BEHIND_HOURS);
  return new Map(rows.map((row) => [`${hourName(row[0])} ${String(row[1])}`, row]));
}

/** The first sum that differs. A row that was left behind by earnings that went says zero. */
function difference(key: string, stored: HourRow | undefined, fresh: HourRow | undefined) {
  const source = String((stored ?? fresh)?.[1]);
  const inWords = (row: HourRow | undefined, at: number) =>
    sumInWords(source, row?.slice(at, at + 3) ?? [0n, 0n, 0n]);
  for (const [at, part] of SUMS) {
    const [says, is] = [inWords(stored, at), inWords(fresh, at)];
    if (says !== is) return [{ name: `${TABLE} ${key}${part}`, says, is }];
  }
  return [];
}

/** An hour as people read it; the number itself where no calendar reaches. */
function hourName(hour: unknown): string {
  const date = new Date(Number(hour) * 3_600_000);
  return Number.isNaN(date.getTime()) ? String(hour) : date.toISOString().slice(0, 16);
}

/** Halves of an amount, and a count, exact at any size. */
export function sumInWords(source: string, [high, low, count]: readonly unknown[]): string {
  if (typeof high !== 'bigint' || typeof low !== 'bigint' || typeof count !== 'bigint') {
    return 'what is not an integer';
  }
  // Amounts that can't be summed: their rows are counted only.
  return source === 'invalid' ? `0 msats in ${count}` : `${(high << 32n) + low} msats in ${count}`;
}
