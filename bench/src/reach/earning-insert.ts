import Database from 'better-sqlite3';
import type { Schema } from '../contestant.js';
import type { Context } from '../context.js';
import { type Goal, inRows, referenceScale } from '../goals.js';
import { CLOCK, medianOf, ratio, rotated, type Turn, timed } from '../measure.js';
import { FIRST_SECOND, hash, YEAR_SECONDS } from '../rows.js';

const INSERTS = 200;

const INSERT = `insert into earnings (id, job_id, amount_msats, source, payment_hash, preimage, earned_at)
  values (?, ?, ?, ?, ?, ?, ?)`;

/** What triggers and indexes of ours cost an earning: the same lone insert by hand, on both schemas. */
export async function earningInsert({ options, datasets, progress }: Context): Promise<Goal[]> {
  const rows = referenceScale(options.scales);
  progress(`inserts of earnings at ${inRows(rows)}`);
  const sides = await Promise.all(
    (['ours', 'published'] as const).map(async (schema: Schema) => {
      const path = await datasets.copy(rows, schema);
      const db = new Database(path);
      db.pragma('synchronous = normal');
      db.pragma('cache_size = -64000');
      return { path, db, insert: db.prepare(INSERT), turns: [] as Turn[] };
    }),
  );
  let next = rows;
  for (let round = -1; round < options.effort.rounds; round++) {
    for (const { db, insert, turns } of rotated(sides, Math.max(round, 0))) {
      db.pragma('wal_checkpoint(passive)');
      const turn = await timed(INSERTS, async () => {
        for (let i = 1; i <= INSERTS; i++) {
          const number = next + i;
          const earned_at = FIRST_SECOND + YEAR_SECONDS + (number - rows) * 60;
          const job = hash(1 + (number % rows));
          insert.run(`earn-${hash(number)}`, job, number, 'job', hash(-number), null, earned_at);
        }
      });
      // The first warms up.
      if (round >= 0) turns.push(turn);
    }
    next += INSERTS;
  }
  const [ours, published] = sides.map(({ turns }) => turns);
  for (const { db, path } of sides) {
    db.close();
    datasets.remove(path);
  }
  if (ours === undefined || published === undefined) return [];
  return [
    {
      what: 'our schema: earning insert, lone',
      to: 'the published schema',
      limit: 1.55,
      unit: 'times',
      value: ratio(ours, published, CLOCK),
      on: `${inRows(rows)}; ${medianOf(published, CLOCK).toFixed(1)} → ${medianOf(ours, CLOCK).toFixed(1)} µs`,
    },
  ];
}
