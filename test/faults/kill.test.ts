import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { freshTotals, rollupTotals } from '../migrate/fresh-aggregate.js';
import { migratedFile } from '../migrated-file.js';
import { Program } from './program.js';
import { fuzzSeed, Random } from './random.js';
import { rounds, SOAK_TIMEOUT_MS } from './rounds.js';
import { reported } from './table.js';

const SEED = fuzzSeed();

/** Kills of each kind: 1 and 3 writers, each with and without tiny checkpoints. */
const CYCLES = 8;

/** Cycles on one file, before a fresh one: looking through all rows would take longer and longer. */
const CYCLES_A_FILE = 4;

/** Acknowledged writes of all kinds together: fewer would prove little. */
const LEAST_ACKNOWLEDGED = 8_000;
let allAcknowledged = 0;

const writer = new Program(join(import.meta.dirname, 'acknowledges.ts'));

it.each([
  { writers: 1, checkpoints: 'usual' },
  { writers: 1, checkpoints: 'tiny' },
  { writers: 3, checkpoints: 'usual' },
  { writers: 3, checkpoints: 'tiny' },
])(
  `kill -9 of $writers writers, $checkpoints checkpoints, loses nothing acknowledged (seed ${SEED})`,
  { timeout: SOAK_TIMEOUT_MS },
  async ({ writers, checkpoints }) => {
    const random = new Random(SEED);
    let acknowledged = 0;
    let cycles = 0;
    let path = '';
    for (const cycle of rounds(CYCLES)) {
      if (cycle % CYCLES_A_FILE === 0) path = migratedFile();
      const said = await killedWriters(path, cycle, writers, checkpoints, 40 + random.int(160));
      acknowledged += said.length;
      cycles += 1;
      expect({ cycle, ...judge(path, said) }).toEqual({
        cycle,
        lost: [],
        halfUnits: [],
        integrity: 'ok',
        danglingKeys: [],
      });
    }
    allAcknowledged += acknowledged;
    reported(`kill -9, ${writers} writer${writers > 1 ? 's' : ''}, ${checkpoints} checkpoints`, {
      tried: `${cycles} cycles, ${acknowledged.toLocaleString('en')} acknowledged writes`,
      figure: '0 lost, 0 half units, integrity ok, rollups equal',
    });
  },
);

it(`acknowledged at least ${LEAST_ACKNOWLEDGED} writes before the kills`, () => {
  expect(allAcknowledged).toBeGreaterThan(LEAST_ACKNOWLEDGED);
});

/** Starts writers, kills them some time after they all spoke, and gives what they acknowledged. */
async function killedWriters(
  path: string,
  cycle: number,
  writers: number,
  checkpoints: string,
  afterMs: number,
): Promise<string[]> {
  const runs = await Promise.all(
    Array.from({ length: writers }, (_, i) => writer.start([path, `${cycle}.${i}`, checkpoints])),
  );
  await Promise.all(runs.map((run) => run.spoke()));
  await sleep(afterMs);
  const ends = await Promise.all(runs.map((run) => run.kill()));
  for (const { signal, stderr } of ends)
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
  return ends.flatMap(({ lines }) => lines);
}

const STORED = `
  select 'tick ' || id from tick_history
  union all select 'paid ' || j.id from jobs j join earnings e on e.job_id = j.id
    where j.status = 'completed'
  union all select 'pair ' || replace(id, '-one', '') from jobs where id like '%-one'`;

const HALF_UNITS = `
  select npub from agents a
    where tick_count <> (select count(*) from tick_history where agent_npub = a.npub)
  union all select id from jobs j where kind = 1
    and (status = 'completed') <> exists (select 1 from earnings where job_id = j.id)
  union all select id from jobs j where kind = 2 and not exists (select 1 from jobs k
    where k.id = substr(j.id, 1, length(j.id) - 3)
      || case when j.id like '%one' then 'two' else 'one' end)`;

/** What is wrong with a file after its writers died. */
function judge(path: string, acknowledged: readonly string[]) {
  const db = new Database(path);
  try {
    const stored = new Set(db.prepare<[], string>(STORED).pluck().all());
    expect(rollupTotals(db)).toEqual(freshTotals(db));
    return {
      lost: acknowledged.filter((one) => !stored.has(one)),
      halfUnits: db.prepare(HALF_UNITS).pluck().all(),
      integrity: db.pragma('integrity_check', { simple: true }),
      danglingKeys: db.pragma('foreign_key_check'),
    };
  } finally {
    db.close();
  }
}
