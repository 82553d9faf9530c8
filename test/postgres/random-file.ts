import Database from 'better-sqlite3';
import { EARNING_SOURCES, JOB_STATUSES, LIFECYCLE_STATES } from '../../generated/db.js';
import type { Random } from '../faults/random.js';
import { migratedFile } from '../migrated-file.js';

/** Rows of each table. */
const ROWS = 400;

const TEXTS = [
  '',
  ' ',
  '\\N',
  '\\.',
  'tab\there',
  'line\nbreak',
  'line\r\nbreak',
  'back\\slash',
  '"quoted", \'too\'',
  'Grüße, 研究 🤖 \u202e',
  'stored \ufffd itself',
  '\u001e\u001f\u007f',
  '{"json":[1,null]}',
  '00123',
  'x'.repeat(40_000),
];

const INTEGERS = [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];

/** A migrated file with rows of all kinds that are sound, stored in another order than their keys'. */
export async function randomFile(random: Random): Promise<string> {
  const path = migratedFile();
  const text = () => (random.chance(0.5) ? random.pick(TEXTS) : `t${random.int(1e9)}`);
  const integer = () => (random.chance(0.5) ? random.pick(INTEGERS) : BigInt(random.int(2 ** 31)));
  const orNull = <T>(value: () => T) => (random.chance(0.3) ? null : value());
  // Sums that triggers keep are of 64 bits.
  const amount = () => BigInt(random.int(2 ** 40)) - 2n ** 39n;
  const id = (i: number) => `${text().slice(0, 50)} ${i}`;
  const jobs = random.list(ROWS, () => id(random.int(1e12)));
  const agents = random.list(20, () => id(random.int(1e12)));
  const db = new Database(path);
  try {
    const insert = (table: string, values: readonly unknown[], columns = '') =>
      db
        .prepare(`insert into ${table} ${columns} values (${values.map(() => '?').join(', ')})`)
        .run(...values);
    db.transaction(() => {
      for (const job of jobs) {
        insert('jobs', [
          ...[job, integer(), text(), random.pick(JOB_STATUSES), integer()],
          ...[orNull(text), orNull(text), orNull(text), integer(), orNull(integer), integer()],
        ]);
      }
      for (let i = 0; i < ROWS; i++) {
        insert('earnings', [
          ...[id(i), orNull(() => random.pick(jobs)), amount(), random.pick(EARNING_SOURCES)],
          ...[orNull(text), orNull(text), integer()],
        ]);
      }
      for (const agent of agents) {
        insert('agents', [
          ...[agent, text(), random.pick(LIFECYCLE_STATES), integer(), integer()],
          ...[orNull(integer), orNull(text), orNull(text), integer(), integer()],
        ]);
      }
      for (const place of random.list(ROWS, () => random.int(1e12))) {
        insert('tick_history', [
          ...[place, random.pick(agents), integer(), orNull(integer), orNull(integer)],
          ...[orNull(text), orNull(integer), orNull(integer), integer()],
        ]);
      }
      // Out of their order, and with a gap.
      for (let i = 0; i < 50; i++) {
        db.prepare('update jobs set rowid = ? where rowid = ?').run(
          1000 + random.int(1e9),
          1 + random.int(ROWS),
        );
      }
    })();
  } finally {
    db.close();
  }
  return path;
}
