import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { sql } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { migrations } from '../../migrations/index.js';
import { IN_MEMORY, openReader, openWriter } from '../../src/engine/sqlite/open.js';
import { SqliteEngine } from '../../src/engine/sqlite/sqlite-engine.js';
import { PylonDb } from '../../src/index.js';
import { Migrator } from '../../src/migrate/migrator.js';
import { findOwnObjects } from '../../src/migrate/own-objects.js';
import { OwnSchemaKeeper } from '../../src/migrate/own-schema-keeper.js';
import { temporaryFolder } from '../temporary.js';
import { OneAtATime } from './one-at-a-time.js';
import { type Operation, randomOperation, TABLES_SQL } from './operations.js';
import type { Outcome } from './outcome.js';
import { fuzzSeed, Random } from './random.js';
import { reported } from './table.js';
import { ThroughTheQueue } from './through-the-queue.js';
import { writerOf } from './writer.js';

// Random operations, many at a time through the queue, and the same one by one on a second
// database in the plainest way: every promise must end the same, and the rows must be the same.
// More: PYLON_FUZZ_OPS=200000 PYLON_FUZZ_SEED=1 npx vitest run test/faults/differential.test.ts

const SEED = fuzzSeed();
const OPERATIONS = Number(process.env['PYLON_FUZZ_OPS'] ?? 20_000);

/** Operations between two comparisons of all rows. */
const OPERATIONS_A_LOOK = 1000;

const BUSY_TIMEOUT_MS = 20_000;

describe(`seed ${SEED}`, () => {
  it(`ends ${OPERATIONS} operations on a file as if each had run alone`, async () => {
    const path = join(temporaryFolder(), 'queue.db');
    const writer = await migrated(path);
    const props = { path, durability: 'normal', busyTimeoutMs: BUSY_TIMEOUT_MS } as const;
    const reader = await openReader({ ...props, operation: 'test' });
    const comparison = new Comparison(path, writer, reader, await serialSide());
    await comparison.run(OPERATIONS, SEED);
    reported('units that fail in a batch', {
      tried: `${OPERATIONS.toLocaleString('en')} random operations, through the queue and one by one`,
      figure: 'the same rows, and the same end of each promise',
    });
  });

  it(`ends ${OPERATIONS / 4} operations in memory the same way, reads included`, async () => {
    const writer = await migrated(IN_MEMORY);
    const comparison = new Comparison(IN_MEMORY, writer, undefined, await serialSide());
    await comparison.run(OPERATIONS / 4, SEED + 1);
  });
});

let clockNow = 0;
const clock = () => clockNow;

async function migrated(path: string): Promise<Database.Database> {
  const props = { path, busyTimeoutMs: BUSY_TIMEOUT_MS, operation: 'test' };
  const db = await openWriter({ ...props, durability: 'normal' });
  db.pragma('journal_mode = wal');
  db.pragma('synchronous = off');
  await new Migrator({ ...props, db, list: migrations }).up();
  db.exec(TABLES_SQL);
  return db;
}

interface SerialSide {
  readonly connection: Database.Database;
  readonly operations: OneAtATime;
}

async function serialSide(): Promise<SerialSide> {
  const path = join(temporaryFolder(), 'serial.db');
  const connection = await migrated(path);
  const db = await PylonDb.open(path, { clock });
  writerOf(db).pragma('synchronous = off');
  onTestFinished(async () => {
    await db.close();
    connection.close();
  });
  return { connection, operations: new OneAtATime(connection, db) };
}

interface Running {
  readonly operation: Exclude<Operation, { kind: 'read' }>;
  readonly outcome: Promise<Outcome>;
}

class Comparison {
  readonly #writer: Database.Database;
  readonly #hasReader: boolean;
  readonly #db: PylonDb;
  readonly #queue: ThroughTheQueue;
  readonly #serial: SerialSide;
  #running: Running[] = [];
  #reads: Promise<void>[] = [];
  #acknowledgedMarks = 0;
  #position = '';

  constructor(
    path: string,
    writer: Database.Database,
    reader: Database.Database | undefined,
    serial: SerialSide,
  ) {
    const known = Object.keys(migrations);
    const engine = new SqliteEngine({
      path,
      writer,
      reader,
      schema: {
        keeper: new OwnSchemaKeeper({ known }),
        state: findOwnObjects(writer, known),
      },
      busyTimeoutMs: BUSY_TIMEOUT_MS,
      place: undefined,
      onQuery: undefined,
    });
    this.#writer = writer;
    this.#hasReader = reader !== undefined;
    this.#db = PylonDb.over(path, engine, clock);
    this.#queue = new ThroughTheQueue(engine, this.#db);
    this.#serial = serial;
  }

  async run(operations: number, seed: number): Promise<void> {
    const random = new Random(seed);
    let nextLook = OPERATIONS_A_LOOK;
    let n = 0;
    while (n < operations) {
      const burst = random.chance(0.3) ? 1 : 1 + random.int(60);
      for (let i = 0; i < burst; i++, n++) await this.#start(randomOperation(random, n), random);
      if (random.chance(0.6)) await this.#settle();
      if (n >= nextLook) {
        nextLook += OPERATIONS_A_LOOK;
        await this.#settle();
        this.#compareRows(n);
      }
    }
    await this.#settle();
    this.#compareRows(n);
    await this.#db.close();
  }

  /** Queues one operation in its place, and now and then lets the queue run. */
  async #start(operation: Operation, random: Random): Promise<void> {
    clockNow = timeOf(operation);
    if (operation.kind === 'read' && this.#hasReader) {
      this.#reads.push(this.#read());
    } else {
      // On one connection a read has its place in the queue, so its answer is exactly known.
      const queued = operation.kind === 'read' ? { ...operation, ...READ } : operation;
      const outcome = this.#queue.perform(queued);
      this.#running.push({ operation: queued, outcome });
      if (isMarked(queued)) {
        void outcome.then((ended) => {
          if ('resolved' in ended) this.#acknowledgedMarks += 1;
        });
      }
    }
    // A query of the builder takes its place some microtasks later, but before anything runs.
    for (let hop = 0; hop < 40; hop++) await null;
    const roll = random.next();
    if (roll < 0.02) await this.#running[random.int(this.#running.length)]?.outcome;
    else if (roll < 0.05) await new Promise((resolve) => setImmediate(resolve));
    else if (roll < 0.1) await new Promise((resolve) => process.nextTick(resolve));
  }

  /** A reader sees whole units only, and each that was acknowledged before it asked. */
  async #read(): Promise<void> {
    const acknowledged = this.#acknowledgedMarks;
    const { rows } = await sql<{ units: number; halves: number }>`
      select count(*) as units, coalesce(sum(parts <> 2), 0) as halves
      from (select count(*) as parts from marks group by op)`.execute(this.#db.kysely);
    const [seen] = rows;
    expect(seen?.halves, `half units in a read ${this.#position}`).toBe(0);
    expect(seen?.units, `units in a read ${this.#position}`).toBeGreaterThanOrEqual(acknowledged);
  }

  /** Waits for all that was started, then runs the same one by one and compares how each ended. */
  async #settle(): Promise<void> {
    const running = this.#running;
    this.#running = [];
    const outcomes = await Promise.all(running.map(({ outcome }) => outcome));
    await Promise.all(this.#reads);
    this.#reads = [];
    for (const [i, { operation }] of running.entries()) {
      clockNow = timeOf(operation);
      this.#position = `at operation ${operation.n} of seed ${SEED}`;
      const alone = await this.#serial.operations.perform(operation);
      expect(outcomes[i], `${this.#position}: ${JSON.stringify(operation)}`).toEqual(alone);
    }
  }

  #compareRows(n: number): void {
    for (const table of TABLES) {
      const all = `select * from ${table} order by 1, 2`;
      const queued = this.#writer.prepare(all).raw().all();
      const alone = this.#serial.connection.prepare(all).raw().all();
      expect(queued, `${table} after ${n} operations of seed ${SEED}`).toEqual(alone);
    }
  }
}

const READ = {
  kind: 'raw',
  sql: `select (select count(*) from marks) as marks, (select sum(balance) from accounts) as sum,
    (select count(*) from entries) as entries, (select sum(tick_count) from agents) as ticks`,
  values: [],
} as const;

const TABLES = [
  ...['accounts', 'entries', 'pledges', 'marks', 'jobs', 'earnings', 'agents', 'tick_history'],
  ...['pylon_db_job_totals', 'pylon_db_earning_hours'],
];

const timeOf = ({ n }: Operation): number => 1000 + Math.floor(n / 20);

function isMarked(operation: Operation): boolean {
  return operation.kind === 'unit' && operation.statements[0]?.sql.includes('into marks') === true;
}
